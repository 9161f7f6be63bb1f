"""Wire formats: from bytes to a model's columns, and from predictions to bytes.

`protocol` is what every one of them offers: `native`, `mlflow` and `v2`. Read `documents` and `rows`, the strict
readers of JSON, then `typed`, the fast one, which leaves to them what is in doubt; `delimited` and `arrow` read tables.
"""
