"""The OpenAPI document, made from the models that serve.

`schemas` makes JSON Schema of a version's columns and answers, `components` of our own answers; `native`, `mlflow` and
`v2` describe the addresses of each protocol out of `parts`; `document` puts them together.
"""
