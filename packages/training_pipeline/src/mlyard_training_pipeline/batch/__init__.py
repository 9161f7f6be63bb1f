"""Batch scoring: the champion over a table of any size, into Parquet or a database, in memory that does not grow.

Read in the order of a job: `request` (what is asked, and what a job keeps of it), `folder` (where it keeps that, one
job at a time), `table` (how the table is read), `rows` (a chunk of it, by the grammar of the trainings), `answers` (a
version over a chunk, and the columns that are written), `rejects` (the cells that a model does not take), `sinks` (a
file or a table, of which nothing is seen before all of it is there), `scoring`; `command` for people.

A job first takes a snapshot of its table. Each chunk is a row group of that, and is written as a whole or not at all,
so that a job that was killed goes on where it was, over the same rows.
"""

from mlyard_training_pipeline.batch.request import Request, ScoringError
from mlyard_training_pipeline.batch.scoring import Scored, score

__all__ = ["Request", "Scored", "ScoringError", "score"]
