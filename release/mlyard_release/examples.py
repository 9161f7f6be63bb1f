"""The golden examples of a contract: what they say key by key, as digests, so that a change is found and named."""

import hashlib
import io
import json
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Recorded = dict[str, dict[str, str]]
"""The digest of each key, by the file."""

_WHOLE = "the file"


def recorded(folder: str, root: Path) -> Recorded:
    """What the examples of all versions say.

    Args:
        folder: of one version's examples, with `{version}` in the place of its number.
        root: the repository's.
    """
    files = sorted(file for file in root.glob(folder.format(version="*") + "/**/*") if file.is_file())
    return {file.relative_to(root).as_posix(): dict(_keys(file.name, file.read_bytes())) for file in files}


def changes(before: Recorded, now: Recorded) -> Iterator[str]:
    """Each key of an earlier example that says something else now, with its file; another file is no change."""
    for file, keys in before.items():
        if file not in now:
            yield f"{file} is taken away"
            continue
        for key in sorted(keys.keys() | now[file].keys()):
            earlier, present = keys.get(key), now[file].get(key)
            if present is None:
                yield f"{file}: {key} is taken away"
            elif earlier is None:
                yield f"{file}: {key} is new"
            elif earlier != present:
                yield f"{file}: {key} says something else"


def _keys(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """The keys of a file, by its kind; what has none is one key."""
    match name.rpartition(".")[2]:
        case "json":
            yield from _leaves(json.loads(content))
        case "toml":
            yield from _leaves(tomllib.loads(content.decode()))
        case "env":
            lines = [line for line in content.decode().splitlines() if line and not line.startswith("#")]
            yield from ((line.partition("=")[0], _digest(line.encode())) for line in lines)
        case "zip":
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                for member in packed.namelist():
                    for key, digest in _keys(member, packed.read(member)):
                        yield f"{member}: {key}" if key != _WHOLE else member, digest
        case _:
            yield _WHOLE, _digest(content)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """The keys of a document's tables; a list is one value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield ".".join(path) or _WHOLE, _digest(json.dumps(value, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
