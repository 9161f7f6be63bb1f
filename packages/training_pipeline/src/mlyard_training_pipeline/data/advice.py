"""What a spec has to say for a table to be read: lines of TOML that can be pasted, for any name of a column."""

import json
import re
from collections.abc import Iterable

from mlyard_shared.columns import ColumnType
from mlyard_shared.spec import ModelSpec

_BARE = re.compile("[A-Za-z0-9_-]+")


def line(key: str, value: str | Iterable[str], *, column: str | None = None) -> str:
    """A line of a spec, such as `features.types."my column" = "category"`.

    Args:
        key: dotted.
        value: a text or a list of texts.
        column: becomes the last part of the key.
    """
    name = key if column is None else f"{key}.{_key(column)}"
    return f"{name} = {quoted(value) if isinstance(value, str) else '[' + ', '.join(map(quoted, value)) + ']'}"


def as_type(column: str, kind: ColumnType) -> str:
    """The line that names a column's type."""
    return line("features.types", kind, column=column)


def leave_out(spec: ModelSpec, columns: Iterable[str]) -> str:
    """The line that keeps columns from the model, beside those that the spec leaves out already."""
    left = list(dict.fromkeys(columns))
    if spec.features.use:
        return line("features.use", [name for name in spec.features.use if name not in left])
    return line("features.leave_out", dict.fromkeys([*spec.features.leave_out, *left]))


def missing(spec: ModelSpec, texts: Iterable[str]) -> str:
    """The line that lets texts count as missing, beside those that do already."""
    return line("source.missing", dict.fromkeys([*spec.source.missing, *texts]))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """A basic string of TOML, which is one of JSON but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
