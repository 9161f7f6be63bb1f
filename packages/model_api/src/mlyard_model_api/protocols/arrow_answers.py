"""The answers of our own protocol as a table in Arrow's stream format: a column for each member of a row in JSON."""

from typing import Any

import numpy as np
from mlyard_shared.decision import Decision, distances
from mlyard_shared.features import Array

from mlyard_model_api.prediction import Predictions
from mlyard_model_api.protocols.native_answers import label
from mlyard_model_api.protocols.outputs import Outputs


def encode(predictions: Predictions, outputs: Outputs, rule: Decision | None) -> bytes:
    """Return the stream: `id`, `prediction` and what is wanted; model, version and rule are the schema's metadata.

    `probabilities` is a struct with a field for each class, and is left out where there are none; `intervals` and
    `sets` are structs with a field for each level.

    Raises:
        InputRefused: something is asked for that the answer does not have.
    """
    import pyarrow as pa

    outputs.check_answer(predictions)
    kind = _kind(predictions)
    columns = {"id": pa.array(list(predictions.ids), pa.string()), "prediction": pa.array(predictions.values, kind)}
    metadata = {"model": predictions.version.name, "version": str(predictions.version.version)}
    found = predictions.probabilities
    if outputs.probabilities and found is not None:
        columns["probabilities"] = _struct({label(c): _floats(row) for c, row in zip(predictions.classes, found.T)})  # noqa: B905
    if outputs.decision and rule is not None and found is not None:
        columns["margin"] = _floats(distances(found, rule))
        metadata["decision"] = rule.model_dump_json(exclude_none=True)
    if outputs.conformal and predictions.intervals:
        ends = {
            str(level): _struct({"low": _floats(both[:, 0]), "high": _floats(both[:, 1])})
            for level, both in predictions.intervals.items()
        }
        columns["intervals"] = _struct(ends)
    if outputs.conformal and predictions.sets:
        columns["sets"] = _struct(
            {str(level): _lists(predictions, kind, members) for level, members in predictions.sets.items()}
        )
    batch = pa.RecordBatch.from_pydict(columns, metadata=metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _kind(predictions: Predictions) -> Any:
    import pyarrow as pa

    kinds = {bool: pa.bool_(), int: pa.int64(), str: pa.string()}
    return kinds[type(predictions.classes[0])] if predictions.classes else pa.float64()


def _floats(values: Array) -> Any:
    import pyarrow as pa

    return pa.array(np.ascontiguousarray(values, dtype=np.float64))


def _struct(fields: dict[str, Any]) -> Any:
    import pyarrow as pa

    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields))


def _lists(predictions: Predictions, kind: Any, members: Array) -> Any:
    """For each row the classes that are in its set."""
    import pyarrow as pa

    ends = np.concatenate([[0], np.cumsum(members.sum(axis=1))]).astype(np.int32)
    classes = [predictions.classes[position] for position in np.nonzero(members)[1].tolist()]
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(classes, kind))
