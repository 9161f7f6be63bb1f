"""Write a skops file in canonical bytes: skops names its members by memory address, and keeps what lies between fields.

Names become numbers in the order in which the schema names them, members get one date, and bytes that are nobody's
(the padding of structured arrays, the dates inside of sparse matrices) become zeros. skops' own loader reads the file.
"""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.pipelines import untrusted_types

_SCHEMA = "schema.json"
_DATE = (1980, 1, 1, 0, 0, 0)


def write(pipeline: Any, file: Path) -> tuple[str, ...]:
    """Write a pipeline, and return the types in it that the API would not load."""
    from skops.io import dump

    with tempfile.TemporaryFile(dir=file.parent) as dumped:
        dump(pipeline, dumped)
        with zipfile.ZipFile(dumped) as source, zipfile.ZipFile(file, "w") as target:
            names = _Names()
            schema = names.renamed(json.loads(source.read(_SCHEMA)))
            for old, new in names.members.items():
                _add(target, new, _canonical(old, source.read(old)))
            _add(target, _SCHEMA, json.dumps(schema, indent=2).encode())
    return untrusted_types(file)


class _Names:
    """New names for what a schema names by address: objects and members, in the order of the schema."""

    def __init__(self) -> None:
        self.members: dict[str, str] = {}
        self._objects: dict[int, int] = {}
        self._count = 0

    def renamed(self, node: Any) -> Any:
        """A copy of a part of the schema under its new names."""
        if isinstance(node, list):
            return [self.renamed(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        made: dict[str, Any] = {}
        for key, value in node.items():
            if key == "__id__":
                continue
            if key == "file" and "__loader__" in node and isinstance(value, str):
                made[key] = self.members.setdefault(value, f"{len(self.members)}{Path(value).suffix}")
            else:
                made[key] = self.renamed(value)
        if "__id__" in node:
            made["__id__"] = self._object(node)
        return made

    def _object(self, node: dict[str, Any]) -> int:
        """One number an object. Plain values have one each, whether or not Python happened to share them."""
        self._count += 1
        if node.get("__loader__") == "JsonNode":
            return self._count
        return self._objects.setdefault(node["__id__"], self._count)


def _canonical(name: str, content: bytes) -> bytes:
    if name.endswith(".npy"):
        return _array_bytes(np.load(io.BytesIO(content), allow_pickle=False))
    if name.endswith(".npz"):
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as made:
            for member in sorted(source.namelist()):
                _add(made, member, source.read(member))
        return target.getvalue()
    return content


def _array_bytes(array: Array) -> bytes:
    if not array.dtype.names:
        target = io.BytesIO()
        np.save(target, array, allow_pickle=False)
        return target.getvalue()
    clean = np.zeros(array.shape, dtype=array.dtype)
    for field in array.dtype.names:
        clean[field] = array[field]
    # `np.save` copies such arrays field by field, into memory that was somebody else's.
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(clean))
    return header.getvalue() + clean.tobytes()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, date_time=_DATE), content)
