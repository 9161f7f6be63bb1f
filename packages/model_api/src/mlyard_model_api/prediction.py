"""From the bytes of a request to the bytes of its answer, for one version of a model."""

import json
from typing import Any

import uuid_utils
from mlyard_shared.columns import GRAMMARS

from mlyard_model_api.protocols import rows
from mlyard_model_api.protocols.documents import parse
from mlyard_model_api.serving.version import ServedVersion


def answer(version: ServedVersion, body: bytes, *, max_rows: int) -> bytes:
    """Return the JSON of a `PredictionAnswer`.

    Raises:
        RequestRefused: the body is not JSON, or breaks the model's schema.
        NotComputable: the model has no finite answer for a row.
    """
    manifest = version.manifest
    columns = rows.read(parse(body), manifest.input_schema, GRAMMARS[manifest.grammar], max_rows=max_rows)
    output = version.predict(columns)
    values: list[Any] = output.predictions.tolist()
    classes = manifest.classes
    if classes:
        values = [classes[index] for index in values]
    probabilities: list[dict[str, float] | None] = [None] * len(values)
    if output.probabilities is not None:
        labels = [label(value) for value in classes]
        probabilities = [dict(zip(labels, row, strict=True)) for row in output.probabilities.tolist()]
    predictions = [
        {"id": str(uuid_utils.uuid7()), "prediction": value, "probabilities": by_label}
        for value, by_label in zip(values, probabilities, strict=True)
    ]
    document = {"model": version.reference.name, "version": version.reference.version, "predictions": predictions}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def label(value: bool | int | str) -> str:
    """A class as a key of a JSON object: true and false as JSON spells them."""
    return value if isinstance(value, str) else json.dumps(value)
