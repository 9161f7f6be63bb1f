"""The routes: each takes a request apart, asks the middle, and gives its answer.

What every request passes: `http`, `cors`, `health`, `metrics`. Predictions: `dispatch` and `predictions`, or
`shortcut`, and `selection`. The addresses of each protocol: `models`, `mlflow`, `v2` with `repository`. The forms of
our own `answers`, of all `refusals`, and the description of all of it: `docs`, `openapi`.
"""
