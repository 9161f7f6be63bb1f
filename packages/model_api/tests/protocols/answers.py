"""What a version must answer, in whatever form the rows come and by whatever protocol: the registered pipeline's own.

judged = versions(folder)["skops"]
judged.check(rows, labels, probabilities)
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from mlyard_model_api.prediction import Predictions, compute
from mlyard_model_api.protocols.protocol import Answer, Call
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.version import Reference, ServedVersion, verify
from mlyard_shared import decision, features
from mlyard_shared.engines import choose
from mlyard_shared.schema import Column, InputForm, Schema
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from ..versions import CODES, HOLDS, NUMBERS, PENGUINS, SPECIES, TEXT, classifier, fit, write_version

Row = dict[str, Any]
Rows = Sequence[Row]
TREES = InputForm(encoding="codes", precision="float32")


@dataclass(frozen=True, repr=False)
class Judged:
    """A version in memory, and the fitted pipeline that it was registered from."""

    version: ServedVersion
    pipeline: Any

    def answer(self, call: Call, body: bytes, *, max_rows: int = 1000) -> Answer:
        """Let the version answer a call, without a server."""
        return call.encode(self.predictions(call, body, max_rows=max_rows))

    def predictions(self, call: Call, body: bytes, *, max_rows: int = 1000) -> Predictions:
        """What the version makes of a call's body."""
        return compute(self.version, call.decode(body, self.version.manifest, max_rows=max_rows))

    def expected(self, rows: Rows) -> tuple[list[Any], list[list[float]] | None]:
        """The pipeline's own label or number of each row, and probabilities."""
        manifest = self.version.manifest
        given = features.matrix(columns(rows, manifest.input_schema), manifest.input_schema, manifest.inputs)
        if not manifest.classes:
            return self.pipeline.predict(given).tolist(), None
        probabilities = self.pipeline.predict_proba(given)
        rule = manifest.decision
        index = decision.labels(probabilities, rule) if rule is not None else self.pipeline.predict(given)
        return [manifest.classes[number] for number in index], probabilities.tolist()

    def check(self, rows: Rows, found: Sequence[Any], probabilities: Sequence[Sequence[float]] | None = None) -> None:
        """See that an answer is the pipeline's: to the last bit, or of a twin within the parity that was measured."""
        values, expected = self.expected(rows)
        tolerance = HOLDS.tolerance if self.version.engine.name == "onnx" else 0.0
        if probabilities is not None and expected is not None:
            assert np.shape(probabilities) == np.shape(expected)
            assert np.abs(np.subtract(probabilities, expected)).max() <= tolerance
        if expected is None:
            assert list(found) == values
            return
        # Where a twin's probabilities are about equal, the pipeline's may be in the other order.
        close = [np.ptp(sorted(row)[-2:]) <= 4 * decision.TOLERANCE for row in expected]
        wrong = [
            pair for pair, near in zip(zip(found, values, strict=True), close, strict=True) if not (tolerance and near)
        ]
        assert all(label == value for label, value in wrong)


def columns(rows: Rows, schema: Schema) -> dict[str, features.Array]:
    """The columns of rows, made without any reader of ours."""
    return {column.name: _array(column, [row[column.name] for row in rows]) for column in schema.columns}


def _array(column: Column, values: list[Any]) -> features.Array:
    if column.type == "category":
        found = np.empty(len(values), dtype=object)
        found[:] = values
        return found
    if column.type == "datetime":
        return np.array([None if value is None else moment(value) for value in values], dtype="datetime64[us]")
    return np.array([math.nan if value is None else float(value) for value in values])


def moment(text: str) -> datetime:
    """A date's moment in UTC, without its offset."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def versions(folder: Path) -> dict[str, Judged]:
    """Versions of every kind: a twin, pipelines of both contracts, trees in float32, a regression."""
    forest = fit(RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0), TREES)
    line = make_pipeline(LinearRegression()).fit(np.array([[0.0], [1.0], [3.0]]), np.array([0.1, 0.4, 0.5]))
    made: dict[str, tuple[Any, dict[str, Any]]] = {
        "twin": (classifier(), {"onnx": HOLDS}),
        "skops": (classifier(), {}),
        "contract 1": (classifier(TEXT), {"form": TEXT}),
        "trees": (forest, {"form": TREES}),
        "numbers": (line, {"schema": NUMBERS, "classes": ()}),
    }
    return {name: _judged(folder / name, pipeline, changes) for name, (pipeline, changes) in made.items()}


def _judged(folder: Path, pipeline: Any, changes: dict[str, Any]) -> Judged:
    facts: dict[str, Any] = {"schema": PENGUINS, "classes": SPECIES, "form": CODES}
    digest = write_version(folder, pipeline, **(facts | changes))
    reference = Reference(name="penguins", version=1, digest=digest)
    manifest = verify(folder, reference)
    lane = Lane("test", rows=100_000)
    served = ServedVersion(reference, manifest, choose(folder, manifest), lane, datetime.now(UTC), lambda _rows: None)
    return Judged(served, pipeline)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)
DATES = st.one_of(
    st.dates().map(str),
    st.datetimes(timezones=st.sampled_from([UTC])).map(lambda value: value.isoformat()),
    st.datetimes().map(lambda value: value.isoformat(sep=" ")),
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)).map(lambda value: f"{value.isoformat()}+05:30"),  # noqa: DTZ001
)
PENGUIN_ROWS = st.fixed_dictionaries(
    {
        "bill": st.one_of(st.none(), st.floats(-1e4, 1e4), st.integers(-(10**4), 10**4)),
        "mass": st.integers(-(10**5), 10**5),
        "sex": st.sampled_from([None, "female", "male"]),
        "island": st.one_of(st.sampled_from(["Biscoe", "Dream", "Torgersen"]), TEXTS),
        "tagged": st.sampled_from([None, True, False]),
        "seen": st.one_of(st.none(), DATES),
    }
)
NUMBER_ROWS = st.fixed_dictionaries({"a": st.one_of(st.floats(-1e30, 1e30), st.integers(-(2**60), 2**60))})


def tables(name: str) -> st.SearchStrategy[list[Row]]:
    """Rows for one of the `versions`: some, again and again up to a batch of 1 to 1000."""
    some = st.lists(NUMBER_ROWS if name == "numbers" else PENGUIN_ROWS, min_size=1, max_size=6)
    sizes = st.sampled_from([1, 2, 3, 7, 16, 100, 1000])
    repeat: Callable[[list[Row], int], list[Row]] = lambda rows, size: [rows[i % len(rows)] for i in range(size)]  # noqa: E731
    return st.builds(repeat, some, sizes)
