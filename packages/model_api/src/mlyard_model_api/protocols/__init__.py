"""Wire formats: from bytes to a model's columns, and from predictions to bytes.

Read `protocol`, which says what one is, and `documents` and `rows`, which read JSON; then `native`, `mlflow` and `v2`,
each thin over the modules that begin with its name.
"""
