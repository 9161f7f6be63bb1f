"""Model versions: what the pipeline registers, and the champion that it compares with."""
