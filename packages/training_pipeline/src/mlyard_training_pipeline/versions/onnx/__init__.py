"""The ONNX twin of a fitted pipeline: converted in a process of its own, and kept only where its answers are the same.

Its inputs are `x0`, `x1`, ... in the order of `features.input_names`, each of shape [n, 1]: double for numbers, string
for categories. Its outputs are `label` (int64 class indices, [n]) and `probabilities` ([n, classes]) for a
classification, `variable` ([n]) for a regression.
"""
