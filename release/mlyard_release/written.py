"""The contracts by name, with what writes each one's form from the code."""

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from mlyard_release import examples
from mlyard_release.differences import Difference
from mlyard_release.packages import ROOT

FIXTURE = "packages/shared/tests/golden/contract2/manifest.json"
"""The manifest of the model that the API's document is written for."""
_TEXTS = {"description", "title", "summary", "example", "examples"}


class Unwritten(Exception):
    """The code gives no form of a contract."""


@dataclass(frozen=True)
class Written:
    """A contract: `constant` holds its version, and `addition` says what of that one more optional key raises.

    `examples` is the folder of the golden examples of `{version}`; a contract without it has none.
    """

    NOTHING: ClassVar[int] = 0
    MINOR: ClassVar[int] = 1
    MAJOR: ClassVar[int] = 2

    package: str
    name: str
    constant: str
    schema: Callable[[], Any]
    addition: int = NOTHING
    examples: str = ""

    @property
    def title(self) -> str:
        """As messages call it."""
        return f"{self.package}: the contract {self.name}"

    @property
    def file(self) -> str:
        """Its written form, from the repository's root."""
        return f"packages/{self.package}/contracts/{self.name}.json"

    @property
    def version(self) -> str:
        """Its version, as the code has it."""
        module, _, constant = self.constant.rpartition(".")
        return str(getattr(importlib.import_module(module), constant))

    def needs(self, difference: Difference) -> int:
        """What of the version a change has to raise."""
        return self.addition if difference.is_addition else self.MAJOR

    def document(self, root: Path = ROOT) -> dict[str, Any]:
        """What is written."""
        written = {"contract": self.name, "version": self.version, "schema": _without_texts(self.schema())}
        return written | ({"examples": examples.recorded(self.examples, root)} if self.examples else {})


def _without_texts(schema: Any) -> Any:
    """A schema in the order of its names, without the texts that mean nothing to a program."""
    if isinstance(schema, dict):
        kept = {name: value for name, value in schema.items() if not _is_text(name, value)}
        return {name: _without_texts(kept[name]) for name in sorted(kept)}
    return [_without_texts(one) for one in schema] if isinstance(schema, list) else schema


def _is_text(name: str, value: Any) -> bool:
    # A property may have such a name; then it is a schema.
    schema = isinstance(value, dict) and value.keys() & {"type", "$ref", "anyOf", "allOf", "const", "enum"}
    return name in _TEXTS and (name in {"example", "examples"} or not isinstance(value, dict)) and not schema


def _model(module: str, name: str) -> Callable[[], Any]:
    def schema() -> Any:
        model: Any = getattr(importlib.import_module(module), name)
        return model.model_json_schema(mode="validation")

    return schema


def _api() -> Any:
    """The API's document for one model of which every fact is given."""
    from mlyard_model_api.routes.openapi.document import Document
    from mlyard_model_api.settings import Settings
    from mlyard_shared.errors import ModelVersionRefused
    from mlyard_shared.manifest import parse_manifest

    try:
        manifest = parse_manifest((ROOT / FIXTURE).read_bytes())
    except ModelVersionRefused as error:
        raise Unwritten(f"it is written for {FIXTURE}, which the code no longer reads: {error}") from None
    reference = SimpleNamespace(name=manifest.model, version=1, digest="0" * 64)
    slot = SimpleNamespace(current=SimpleNamespace(reference=reference, manifest=manifest))
    models: Any = SimpleNamespace(names=lambda: [manifest.model], slot=lambda _: slot, default=lambda: manifest.model)
    document = json.loads(Document(models, Settings.model_construct()).content())
    del document["info"]
    return document


def _golden(package: str, name: str) -> str:
    return f"packages/{package}/tests/golden/{name}"


def _settings(package: str) -> Written:
    module = f"mlyard_{package}.settings"
    examples = _golden(package, "settings/{version}")
    return Written(package, "settings", f"{module}.CONTRACT_VERSION", _model(module, "Settings"), examples=examples)


_MANIFEST = "mlyard_shared.manifest.current"
_SPEC = "mlyard_shared.spec.model"
_DATASET = "mlyard_training_pipeline.data.dataset.layout"
CONTRACTS = (
    Written(
        "shared",
        "manifest",
        f"{_MANIFEST}.CONTRACT_VERSION",
        _model(_MANIFEST, "Manifest"),
        Written.MAJOR,
        _golden("shared", "contract{version}"),
    ),
    Written(
        "shared",
        "spec",
        f"{_SPEC}.SPEC_VERSION",
        _model(_SPEC, "ModelSpec"),
        Written.MINOR,
        _golden("shared", "spec/{version}"),
    ),
    Written(
        "training_pipeline",
        "dataset",
        f"{_DATASET}.FORMAT",
        _model(_DATASET, "Layout"),
        Written.MAJOR,
        _golden("training_pipeline", "dataset/{version}"),
    ),
    Written(
        "model_api",
        "http",
        "mlyard_model_api.routes.openapi.document.CONTRACT_VERSION",
        _api,
        examples=_golden("model_api", "http/{version}"),
    ),
    *(_settings(package) for package in ("mlflow_server", "model_api", "training_pipeline")),
)
