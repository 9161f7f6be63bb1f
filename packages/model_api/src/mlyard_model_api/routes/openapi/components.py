"""Our own answers as components of the document: pydantic writes JSON Schema, of which OpenAPI 3.0 has a part."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from mlyard_model_api.routes.answers import (
    ErrorAnswer,
    Health,
    ModelDetails,
    ModelList,
    ModelVersions,
)

REF = "#/components/schemas/"
ANSWERS: tuple[type[BaseModel], ...] = (ErrorAnswer, Health, ModelDetails, ModelList, ModelVersions)


def schemas() -> dict[str, Any]:
    """Each answer by its name, and what they consist of."""
    _, found = models_json_schema([(answer, "serialization") for answer in ANSWERS], ref_template=f"{REF}{{model}}")
    spelled: dict[str, Any] = _as_openapi(found["$defs"])
    return spelled


def ref(name: str) -> dict[str, Any]:
    """A reference to a component."""
    return {"$ref": f"{REF}{name}"}


def _as_openapi(node: Any) -> Any:
    """Spell null, constants and open bounds as OpenAPI 3.0 does."""
    if isinstance(node, list):
        return [_as_openapi(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _as_openapi(value) for key, value in node.items()}
    options = result.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del result["anyOf"]
        result |= (rest[0] if len(rest) == 1 and "$ref" not in rest[0] else {"anyOf": rest}) | {"nullable": True}
    if "const" in result:
        result["enum"] = [result.pop("const")]
    for open_bound, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(result.get(open_bound), (int, float)) and not isinstance(result[open_bound], bool):
            result |= {bound: result[open_bound], open_bound: True}
    return result
