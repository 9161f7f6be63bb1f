"""The four JSON forms of MLflow's scoring protocol, as rows or columns by name, which `rows` reads.

Source: `mlflow/pyfunc/scoring_server/` and `mlflow/utils/proto_json_utils.py` of MLflow 3.17.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from mlyard_shared.schema import ColumnType, Schema

from mlyard_model_api.errors import InputRefused, Problem
from mlyard_model_api.protocols.documents import Repeating, as_object
from mlyard_model_api.protocols.rows import MAX_PROBLEMS, check_count

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def read(document: Any, schema: Schema, *, max_rows: int) -> dict[str, Any]:
    """Return the same values under "rows" or "columns".

    Raises:
        InputRefused: it is none of the forms.
        TooManyRows: there are more than `max_rows`.
    """
    if not isinstance(document, dict) or isinstance(document, Repeating):
        raise _refused("the body must be an object, each key once")
    forms = [key for key in document if key in FORMS]
    if len(forms) != 1 or not document.keys() <= {*FORMS, "params"}:
        raise _refused(f"the body must have exactly one of the keys {', '.join(FORMS)}, and params at the most")
    if document.get("params") not in (None, {}):
        raise InputRefused([Problem(code="params_refused", message="the models of this API take no params")])
    (form,) = forms
    content = document[form]
    if form == "dataframe_split":
        return _split(content, schema, max_rows)
    if isinstance(content, dict) and form == "inputs":
        return _by_name(content)
    if not isinstance(content, list):
        raise _refused(f"{form} must be a list of rows" + (", or an object of columns" if form == "inputs" else ""))
    check_count(len(content), max_rows)
    if form == "dataframe_records" or any(isinstance(row, dict) for row in content):
        return {"rows": content}
    names = [column.name for column in schema.columns]
    if len(names) == 1 and not any(isinstance(row, list) for row in content):
        return {"columns": {names[0]: content}}
    return _by_position(content, names, form)


def without_nan(found: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Read what pandas makes of missing values, in the columns that may have some: NaN, NaT, and integers as floats.

    MLflow's own client writes all of these, as a DataFrame has no other way for most columns.
    """
    nullable = {column.name: column.type for column in schema.columns if column.nullable}
    if not nullable:
        return found
    for name, values in found.get("columns", {}).items():
        if name in nullable and isinstance(values, list) and (float in set(map(type, values)) or "NaT" in values):
            found["columns"][name] = [_value(value, nullable[name]) for value in values]
    for row in found.get("rows", ()):
        for name in nullable.keys() & row.keys() if isinstance(row, dict) else ():
            row[name] = _value(row[name], nullable[name])
    return found


def _split(content: Any, schema: Schema, max_rows: int) -> dict[str, Any]:
    if not isinstance(content, dict) or isinstance(content, Repeating):
        raise _refused("dataframe_split must be an object, each key once")
    if "data" not in content or not content.keys() <= {"columns", "index", "data"}:
        raise _refused("dataframe_split must have data, and may have columns and index")
    names, index, data = content.get("columns"), content.get("index"), content["data"]
    if names is None:
        names = [column.name for column in schema.columns]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _refused("dataframe_split: columns must be a list of names")
    # Of too many names not all are told anyway.
    names = names[: len(schema.columns) + MAX_PROBLEMS]
    if not isinstance(data, list):
        raise _refused("dataframe_split: data must be a list of rows")
    check_count(len(data), max_rows)
    if index is not None and not (isinstance(index, list) and len(index) == len(data)):
        raise _refused("dataframe_split: index must be a list as long as data")
    return _by_position(data, names, "dataframe_split: data")


def _by_name(content: dict[str, Any]) -> dict[str, Any]:
    """Lists by column, or the values of a single row."""
    if any(isinstance(values, list) for values in content.values()):
        return {"columns": content}
    return {"rows": [content]}


def _by_position(data: list[Any], names: Sequence[str], where: str) -> dict[str, Any]:
    width = len(names)
    wrong = (row for row, values in enumerate(data) if not isinstance(values, list) or len(values) != width)
    message = f"{where} must have lists of {width} values as rows"
    problems = [Problem(code="wrong_shape", message=message, row=row) for row in islice(wrong, MAX_PROBLEMS)]
    if problems:
        raise InputRefused(problems)
    lists = list(map(list, zip(*data, strict=True)))
    return {"columns": as_object(list(zip(names, lists, strict=True)))}


def _value(value: Any, kind: ColumnType) -> Any:
    if type(value) is float:
        if value != value:
            return None
        return int(value) if kind == "integer" and value.is_integer() else value
    return None if kind == "datetime" and value == "NaT" else value


def _refused(message: str) -> InputRefused:
    return InputRefused([Problem(code="wrong_shape", message=message)])
