"""A first spec for a table that nobody has described: what `init` writes.

Read in the order of the data: `request` (what was asked), `draft` (the spec as far as it is known, which takes the ways
out of the table's problems as a person would paste them), `target` (task and metric), `columns` (key, event time and
what is left out), `candidates`, `document` (the commented TOML), `writing` (all of it).
"""
