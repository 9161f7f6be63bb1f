"""Whether a pipeline that was fitted elsewhere may have seen the rows held out, which decides what they can tell."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from mlyard_shared.gate import Condition
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data import encoding, holdout, sources
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.data.table import Table
from mlyard_training_pipeline.tracking.references import Imported


def unknown(dataset: Dataset) -> Imported:
    """Nobody said what it was fitted on: it may have been on the rows held out."""
    reason = (
        f"it was fitted elsewhere, and may have been on the {_rows(dataset)} held out: if it was not, import it with "
        "--trained-on TABLE, the rows that it was fitted on; else promote it by hand"
    )
    return Imported(origin=Condition(name="origin", outcome="unknown", reason=reason), held_out=_none(dataset))


def of_table(dataset: Dataset, spec: ModelSpec, trained_on: Path) -> Imported:
    """Look for the rows held out in the table that it was fitted on.

    Raises:
        TableError: that table cannot be read, or lacks the columns that say which row is which.
    """
    rule, form = dataset.rule, NumberForm.of(spec.source)
    source = spec.source.model_copy(update={"path": str(trained_on.resolve()), "connection": None, "query": None})
    stream = sources.open_table(spec.model_copy(update={"source": source}), trained_on.parent, {})
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        encoding.write(stream, Path(folder, "trained.parquet"))
        table = Table(Path(folder, "trained.parquet"))
        if rule.by == "hash":
            holdout.check_columns(table, rule)
            known = holdout.hashes(dataset.table, rule.columns, form)[dataset.held_out]
            held_out = np.isin(holdout.hashes(table, rule.columns, form), known)
        else:
            held_out = holdout.members(table, rule, form)
    if (count := int(held_out.sum())) > 0:
        reason = f"{count} rows of {trained_on.name}, on which it was fitted, are among the {_rows(dataset)} held out"
        return Imported(origin=Condition(name="origin", outcome="unknown", reason=reason), held_out=_none(dataset))
    reason = f"none of the {_rows(dataset)} held out is in {trained_on.name}, on which it was fitted"
    return Imported(origin=Condition(name="origin", outcome="passed", reason=reason))


def _rows(dataset: Dataset) -> str:
    return f"{int(dataset.held_out.sum())} rows"


def _none(dataset: Dataset) -> HoldoutRule:
    """The rule for rows that it cannot have seen: with times those that come later, else none."""
    rule = dataset.rule
    if rule.by == "time" and dataset.order is not None:
        after = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(dataset.order.max()) + 1)
        return rule.model_copy(update={"boundary": after})
    return rule.model_copy(update={"by": "hash", "boundary": None, "fraction": 0.0})
