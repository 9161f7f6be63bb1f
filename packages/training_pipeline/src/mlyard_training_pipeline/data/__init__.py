"""A table becomes a Dataset: read, typed, split and kept as a snapshot."""
