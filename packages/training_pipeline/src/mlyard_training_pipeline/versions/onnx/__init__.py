"""The ONNX twin of a fitted pipeline, which is kept only where its answers are the same.

Its input is `inputs`, the matrix of `mlyard_shared.features` in codes and in the version's precision, of shape
[n, inputs]. Its outputs are `label` (int64 class indices, [n]) and `probabilities` ([n, classes]) for a classification,
`variable` ([n]) for a regression, in double.

`conversion` puts a `graph` together of the `preprocessing` and the estimator: one of trees (`ensembles` and
`boosters` find them, `trees` writes them), a `linear` one, one of a user's `own`, one of skl2onnx's `library`, whose
process `limits` bounds, or one of those `composites` that are made of others. `comparison`
measures the twin on real rows and on `probes`, which `session` runs it over.
"""
