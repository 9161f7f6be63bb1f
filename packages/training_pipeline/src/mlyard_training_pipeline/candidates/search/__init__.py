"""A candidate's search: each setting over the folds, and the best one fitted on every training row.

`settings` says which are tried, `bench` fits and scores one, `budget` says when it has to end, `methods` try many, and
`whole` does all of it in one process; `spread` divides it over tasks.
"""

from mlyard_training_pipeline.candidates.search.whole import Found, finish, search

__all__ = ["Found", "finish", "search"]
