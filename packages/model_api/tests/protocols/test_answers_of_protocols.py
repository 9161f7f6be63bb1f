"""By every protocol, a version answers as its registered pipeline does."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from mlyard_model_api.protocols import mlflow, native
from mlyard_model_api.protocols.protocol import Answer, WireProtocol

from .answers import Judged, tables, versions
from .test_agreement import bodies, opened


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    return versions(tmp_path_factory.mktemp("versions"))


def told(protocol: WireProtocol, answer: Answer, rows: int) -> tuple[list[Any], list[list[float]] | None]:
    """The predictions of an answer, and its probabilities where it has them."""
    document = json.loads(answer.body)
    if protocol is mlflow.PROTOCOL:
        return document["predictions"], None
    if protocol is native.PROTOCOL:
        found = document["predictions"]
        probabilities = [list(row["probabilities"].values()) for row in found] if found[0]["probabilities"] else None
        return [row["prediction"] for row in found], probabilities
    data = {output["name"]: output["data"] for output in document["outputs"]}
    flat = data.get("probabilities")
    return data["prediction"], None if flat is None else np.reshape(flat, (rows, -1)).tolist()


@pytest.mark.parametrize(
    "name",
    ["twin", "skops", "contract 1", *(pytest.param(name, marks=pytest.mark.long) for name in ("trees", "numbers"))],
)
@given(data=st.data())
@settings(max_examples=8, deadline=None, database=None, phases=[Phase.explicit, Phase.generate])
def test_an_answer_is_the_pipelines_own(name: str, data: st.DataObject, judged: dict[str, Judged]) -> None:
    rows = data.draw(tables(name))
    one = judged[name]
    expected: tuple[list[Any], Any] | None = None
    for protocol, body, length in bodies(rows, one.version.manifest.input_schema):
        values, probabilities = told(protocol, one.answer(opened(protocol, length), body), len(rows))
        if expected is None:
            one.check(rows, values, probabilities)
            expected = (values, probabilities)
        # To the last bit, by a twin too.
        assert values == expected[0]
        assert probabilities is None or probabilities == expected[1]
