"""MLflow's scoring protocol: what `mlflow models serve` answers to, with stricter input and no traceback in an error.

Read `mlflow_documents` for the forms of a JSON body.
"""

from collections.abc import Callable, Sequence

from mlyard_shared.columns import GRAMMARS
from mlyard_shared.manifest import Manifest
from pydantic_core import to_json

from mlyard_model_api.errors import MediaTypeRefused, Problem
from mlyard_model_api.prediction import Columns, Predictions
from mlyard_model_api.protocols import arrow, delimited, documents, media_types, mlflow_documents, rows, sentences
from mlyard_model_api.protocols.media_types import CSV, JSON, PARQUET
from mlyard_model_api.protocols.protocol import QUICK_BYTES, Answer, Headers

TAKEN = (JSON, CSV, PARQUET)

_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}
"""MLflow's own codes of errors by status; all others are BAD_REQUEST."""


class MlflowCall:
    """One request for predictions."""

    def __init__(self, media_type: str) -> None:
        """The body is of this type."""
        self._media_type = media_type

    @property
    def preparation(self) -> Callable[[], None] | None:
        """The import of what reads Parquet."""
        return arrow.preparation() if self._media_type == PARQUET else None

    def quick_bytes(self, manifest: Manifest) -> int:  # noqa: ARG002 - all forms are read alike
        """As much as a slow reader reads."""
        return QUICK_BYTES

    def decode(self, body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Columns:
        """Return the columns; raises `RequestRefused`."""
        schema, grammar = manifest.input_schema, GRAMMARS[manifest.grammar]
        if self._media_type == CSV:
            return delimited.read(body, schema, grammar, max_rows=max_rows)
        if self._media_type == PARQUET:
            return arrow.read_parquet(body, manifest, max_rows=max_rows)
        document = documents.parse(body, rows=max_rows, columns=len(schema.columns))
        found = mlflow_documents.without_nan(mlflow_documents.read(document, schema, max_rows=max_rows), schema)
        return rows.read(found, schema, grammar, max_rows=max_rows)

    def encode(self, predictions: Predictions) -> Answer:
        """Return the prediction of each row."""
        return Answer(to_json({"predictions": predictions.values}))


class Mlflow:
    """The protocol, for the routes."""

    name = "mlflow"

    def open(self, headers: Headers, query: bytes) -> MlflowCall:  # noqa: ARG002 - MLflow's clients send none
        """Begin with a request; raises `MediaTypeRefused`."""
        types = [value for name, value in headers if name == b"content-type"]
        media_type = media_types.content_type(types, TAKEN)
        if b"format=" in types[0].lower():
            raise MediaTypeRefused(
                "the body says its form itself since MLflow 2.0: send the Content-Type without format"
            )
        if media_type == PARQUET:
            arrow.check_installed()
        return MlflowCall(media_type)

    def refuse(self, status: int, code: str, problems: Sequence[Problem]) -> Answer:  # noqa: ARG002 - MLflow has codes
        """Say what is wrong, by one of MLflow's codes."""
        document = {"error_code": _CODES.get(status, "BAD_REQUEST"), "message": sentences.text(problems)}
        return Answer(to_json(document), status=400 if status == 422 else None)


PROTOCOL = Mlflow()
