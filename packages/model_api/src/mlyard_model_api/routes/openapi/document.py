"""The document as a whole, made anew when the models that serve are others."""

from importlib import metadata
from typing import Any

from pydantic_core import to_json

from mlyard_model_api.access.keys import PREDICTIONS
from mlyard_model_api.errors import NoDefaultModel
from mlyard_model_api.protocols import arrow
from mlyard_model_api.routes.metrics import PATH
from mlyard_model_api.routes.openapi import components, mlflow, native, v2
from mlyard_model_api.routes.openapi.parts import HEADERS, OPEN, Served
from mlyard_model_api.serving.models import Models
from mlyard_model_api.settings import Settings

CONTRACT_VERSION = "1.0"
"""Of the HTTP API: the major one is raised when something goes or means something else."""
OPENAPI_VERSION = "3.0.3"
"""The bundled Swagger UI does not show 3.1."""
TITLE = "mlyard model API"
_DESCRIPTION = "Predictions from the models of an MLflow registry. Press Authorize and paste the API's key."
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The key of this API."},
    "basic": {"type": "http", "scheme": "basic", "description": "The key as the password; the name says nothing."},
}


class Document:
    """The OpenAPI document of the models that serve."""

    def __init__(self, models: Models, settings: Settings) -> None:
        """Nothing is made yet."""
        self._models = models
        self._settings = settings
        self._made: tuple[object, bytes] = (None, b"")

    def content(self) -> bytes:
        """The document in JSON."""
        versions = [
            version for name in self._models.names() if (version := self._models.slot(name).current) is not None
        ]
        state = (self._default(), *(version.reference for version in versions))
        if self._made[0] != state:
            has_arrow = arrow.is_installed()
            served = [Served(version, max_rows=self._settings.max_rows, has_arrow=has_arrow) for version in versions]
            self._made = (state, to_json(self._make(served, self._default())))
        return self._made[1]

    def _default(self) -> str | None:
        try:
            return self._models.default()
        except NoDefaultModel:
            return None

    def _make(self, served: list[Served], default_name: str | None) -> dict[str, Any]:
        default = next((model for model in served if model.name == default_name), None)
        paths = native.paths(served, default) | mlflow.paths(served, default) | v2.paths(served)
        if self._settings.anonymous_metrics:
            paths[PATH]["get"]["security"] = OPEN
        if self._settings.anonymous_predictions:
            for path in paths:
                if path.endswith(PREDICTIONS):
                    paths[path]["post"]["security"] = OPEN
        schemas = components.schemas() | mlflow.components(served) | v2.components()
        for model in served:
            schemas |= native.components(model)
        return {
            "openapi": OPENAPI_VERSION,
            "info": {"title": TITLE, "description": _DESCRIPTION, "version": metadata.version("mlyard-model-api")},
            "servers": [{"url": self._settings.path_prefix or "/"}],
            "security": [{scheme: []} for scheme in _SCHEMES],
            "paths": paths,
            "components": {"schemas": schemas, "headers": HEADERS, "securitySchemes": _SCHEMES},
        }
