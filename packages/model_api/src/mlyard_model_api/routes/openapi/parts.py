"""What operations of every protocol consist of."""

from typing import Any

from mlyard_shared.manifest import Manifest

from mlyard_model_api.protocols.media_types import JSON
from mlyard_model_api.routes.openapi.components import ref
from mlyard_model_api.routes.openapi.schemas import Json
from mlyard_model_api.serving.version import ServedVersion
from mlyard_model_api.settings import MODEL_NAME

BYTES: Json = {"type": "string", "format": "binary"}
PROBLEM = "application/problem+json"
REASONS = {
    400: "The request cannot be read",
    401: "No key, or a wrong one",
    403: "The key may not do this",
    404: "No such model or version",
    405: "Another method is taken here",
    406: "The client takes no form of the answer",
    408: "The body did not arrive in time",
    413: "Too many bytes or rows",
    415: "Another type or encoding than is taken",
    422: "The rows break the model's schema, or the model has no finite answer for one",
    500: "The model or the API failed; its log says why",
    503: "No version of the model serves yet, too much waits, or there was no answer in time",
}
READING = (401, 404, 503)
PREDICTING = (400, 401, 404, 408, 413, 415, 422, 500, 503)
HEADERS: Json = {
    "X-Request-ID": {
        "description": "The id that the client sent, or a new one; the log has it too.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "The seconds after which to try again.", "schema": {"type": "integer"}},
}
OPEN: list[Json] = []
"""The security of what needs no key."""


class Served:
    """A version that serves, and the names of its components."""

    def __init__(self, version: ServedVersion, *, max_rows: int, has_arrow: bool) -> None:
        """Take a version, the most rows of a request, and whether Parquet and Arrow are read and written."""
        self.name = version.reference.name
        self.number = version.reference.version
        self.manifest: Manifest = version.manifest
        self.max_rows = max_rows
        self.has_arrow = has_arrow

    def component(self, kind: str) -> str:
        """The name of a component of this model; model names may have characters that few others have."""
        return f"{self.name}.{kind}"

    def ref(self, kind: str) -> Json:
        """A reference to such a component."""
        return ref(self.component(kind))

    @property
    def about(self) -> str:
        """The version in a sentence."""
        facts = self.manifest
        return (
            f"Version {self.number} predicts {facts.target}: a {facts.task} by {facts.estimator}. "
            f"A request has at most {self.max_rows} rows; its body may be compressed, by gzip or zstd."
        )


def answer(description: str, schema: Json | None = None, *, media_type: str = JSON, **more: Any) -> Json:
    """A response."""
    found: Json = {
        "description": description,
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}},
    }
    if schema is not None:
        found["content"] = {media_type: {"schema": schema, **more}}
    return found


def errors(statuses: tuple[int, ...], schema: Json, *, media_type: str = PROBLEM) -> Json:
    """The responses of a protocol's errors by their status, and of all others."""
    found = {str(status): answer(REASONS[status], schema, media_type=media_type) for status in statuses}
    for status in {"429", "503"} & found.keys():
        found[status]["headers"]["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    return {**found, "default": answer("Any other error", schema, media_type=media_type)}


def name_parameter(name: str, served: list[Served]) -> Json:
    """The model in an address."""
    found: Json = {"name": name, "in": "path", "required": True, "description": "The name of a model."}
    found["schema"] = {"type": "string", "pattern": f"^{MODEL_NAME.pattern}$"}
    return found | _examples({model.name: model.name for model in served})


def version_parameter(name: str, served: list[Served]) -> Json:
    """The version in an address."""
    found: Json = {"name": name, "in": "path", "required": True, "description": "The number of a version."}
    found["schema"] = {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}
    return found | _examples({model.name: str(model.number) for model in served})


def _examples(values: dict[str, str]) -> Json:
    return {"examples": {name: {"value": value} for name, value in values.items()}} if values else {}
