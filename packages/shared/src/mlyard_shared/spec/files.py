"""A model spec on disk: read within limits, so that no file costs the process that reads it."""

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlyard_shared.errors import SpecError
from mlyard_shared.spec.limits import MOST_BYTES, document_problems, text_problems
from mlyard_shared.spec.model import ModelSpec
from mlyard_shared.spec.problems import printable, problems, value_problems

REQUIRED = tuple(name for name, field in ModelSpec.model_fields.items() if field.is_required())
COMMON = {"version", "name"}
"""Keys that many a TOML file has."""

LONGEST_PROBLEM = 600
"""Characters: a wrong value may be repeated in the sentence on it."""

_TWICE = re.compile(r"Cannot declare \('(\w+)',\) twice")
"""What Python says of a table that is begun by a dotted key, and again by its header."""


def read_spec(file: Path) -> ModelSpec:
    """Read a spec.

    Raises:
        SpecError: the file, each wrong key, and what would be right.
    """
    spec = read_if_spec(file)
    if spec is None:
        raise wrong(file, f"is not a model spec, which has the keys {', '.join(REQUIRED)}")
    return spec


def read_if_spec(file: Path) -> ModelSpec | None:
    """Read a spec; None where the TOML document is something else, such as another tool's configuration.

    A spec has two or more of the required keys, and not the name and version alone that others have too.

    Raises:
        SpecError: as for `read_spec`.
    """
    try:
        return _read(file)
    except OSError as error:
        raise wrong(file, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise wrong(file, "is not UTF-8 text") from None
    except MemoryError:
        raise wrong(file, "cannot be read (there is not enough memory)") from None


def wrong(file: Path, *found: str) -> SpecError:
    """The error of a file, fit to be shown as one line whatever the file and its keys are called."""
    shown = os.fsencode(file).decode("utf-8", "backslashreplace")
    cut = [text if len(text) <= LONGEST_PROBLEM else f"{text[:LONGEST_PROBLEM]}…" for text in map(printable, found)]
    return SpecError(printable(shown), tuple(cut))


def _read(file: Path) -> ModelSpec | None:
    text = _text(file)
    if found := text_problems(text):
        raise wrong(file, *found)
    document = _parsed(file, text)
    present = document.keys() & set(REQUIRED)
    if len(present) < 2 or present <= COMMON:
        return None
    if found := document_problems(document) or value_problems(document):
        raise wrong(file, *found)
    try:
        # By way of JSON, where pydantic is strict and still takes a list for a tuple.
        return ModelSpec.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise wrong(file, *problems(error, ModelSpec)) from None


def _text(file: Path) -> str:
    # A pipe without a writer would be waited for.
    with open(file, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise wrong(file, "is not a regular file")
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise wrong(file, f"is larger than {MOST_BYTES // 1024} KB, which is the most for a model spec")
    return content.decode("utf-8-sig")


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong(file, f"is not TOML: {error}{_way_out(str(error))}") from None
    except RecursionError:
        raise wrong(file, "is not TOML that can be read: it is nested too deeply") from None
    except ValueError:
        # Python reads no longer ones; TOML itself ends at 64 bits.
        raise wrong(file, "is not TOML: a number in it has thousands of digits") from None


def _way_out(message: str) -> str:
    """What helps where a line such as `source.missing = [...]` stands above the table [source]."""
    found = _TWICE.match(message)
    if found is None:
        return ""
    return f'; a line that begins with "{found[1]}." belongs below [{found[1]}], without "{found[1]}."'
