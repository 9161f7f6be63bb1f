"""A query as a stream of batches: `connection`, `reader`, `columns`; types by `postgresql` or, at the end, `spill`."""

from mlyard_training_pipeline.data.sources.query.reader import open_query

__all__ = ["open_query"]
