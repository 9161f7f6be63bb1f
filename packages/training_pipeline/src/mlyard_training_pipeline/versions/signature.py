"""MLflow's signature of a version and its input example: what it takes and answers, in MLflow's own words.

MLflow checks a DataFrame against the signature before a version sees it, and takes less than the API does: no whole
numbers for a `double`, no gaps in a `long`, texts or moments for a date but not both. A column that a DataFrame of
some of the table's rows may hold in several of these forms is `any` to MLflow; its cells are read by the schema.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from mlyard_shared.columns import texts
from mlyard_shared.features import Array
from mlyard_shared.manifest.current import Conformal
from mlyard_shared.schema import Column, Schema

EXAMPLE, SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"


class Interface(NamedTuple):
    """What a version takes and answers.

    `whole` are the columns of numbers whose training rows hold whole numbers only; `classes` are none for a regression.
    """

    schema: Schema
    whole: frozenset[str]
    classes: tuple[bool | int | str, ...]
    conformal: Conformal | None = None


def whole_numbers(columns: dict[str, Array], schema: Schema) -> frozenset[str]:
    """Which columns of numbers hold whole numbers only."""
    return frozenset(
        column.name for column in schema.columns if column.type == "number" and not (columns[column.name] % 1 > 0).any()
    )


def signature(interface: Interface) -> Any:
    """Make MLflow's signature."""
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import ColSpec
    from mlflow.types.schema import Schema as Columns

    inputs: list[Any] = [
        ColSpec(_input_type(column, interface), column.name, required=not column.nullable)
        for column in interface.schema.columns
    ]
    return ModelSignature(inputs=Columns(inputs), outputs=Columns(_outputs(interface)))


def write_example(folder: Path, schema: Schema) -> dict[str, Any]:
    """Write the version's input example as MLflow keeps one, and return what MLmodel says of it."""
    names = [column.name for column in schema.columns]
    example = {"columns": names, "data": [[column.example for column in schema.columns]]}
    (folder / EXAMPLE).write_text(json.dumps(example, ensure_ascii=False), encoding="utf-8")
    served = json.dumps({"dataframe_split": example}, indent=2, ensure_ascii=False)
    (folder / SERVING_EXAMPLE).write_text(served, encoding="utf-8")
    return {
        "artifact_path": EXAMPLE,
        "type": "dataframe",
        "pandas_orient": "split",
        "serving_input_path": SERVING_EXAMPLE,
    }


def _input_type(column: Column, interface: Interface) -> Any:
    from mlflow.types.schema import AnyType, DataType

    anything: Any = AnyType  # which MLflow has not typed

    if column.type == "number" and column.name not in interface.whole:
        return DataType.double
    # Of a null MLflow's server makes False or the text "None".
    if column.nullable or (column.type == "category" and not any(map(_is_text, column.categories))):
        return anything()
    known = {"integer": DataType.long, "boolean": DataType.boolean, "category": DataType.string}
    return known.get(column.type) or anything()


def _is_text(category: str) -> bool:
    """Whether a CSV reader would take it for a text."""
    return texts.inferred_type(category) == "category"


def _outputs(interface: Interface) -> list[Any]:
    from mlflow.types.schema import Array as List
    from mlflow.types.schema import ColSpec, DataType, Map, Object, Property

    kinds = {bool: DataType.boolean, int: DataType.long, str: DataType.string}
    kind = kinds[type(interface.classes[0])] if interface.classes else DataType.double
    found = [ColSpec(kind, "prediction")]
    if interface.classes:
        found.append(ColSpec(Map(DataType.double), "probabilities", required=False))
    if interface.conformal is not None and interface.classes:
        found.append(ColSpec(Map(List(kind)), "sets"))
    elif interface.conformal is not None:
        ends = Object([Property("low", DataType.double), Property("high", DataType.double)])
        found.append(ColSpec(Map(ends), "intervals"))
    return found
