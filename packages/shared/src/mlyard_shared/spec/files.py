"""Specs on disk: one file, or every spec of a folder."""

import json
import tomllib
from pathlib import Path

from pydantic import ValidationError

from mlyard_shared.errors import SpecError
from mlyard_shared.spec.model import ModelSpec
from mlyard_shared.spec.problems import problems, value_problems


def read_spec(file: Path) -> ModelSpec:
    """Read a spec.

    Raises:
        SpecError: the file, each wrong key, and what would be right.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SpecError(str(file), (f"cannot be read ({error.strerror})",)) from None
    except UnicodeDecodeError:
        raise SpecError(str(file), ("is not UTF-8 text",)) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(str(file), (f"is not TOML: {error}",)) from None
    if found := value_problems(document):
        raise SpecError(str(file), found)
    try:
        # By way of JSON, where pydantic is strict and still takes a list for a tuple.
        return ModelSpec.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise SpecError(str(file), problems(error, ModelSpec)) from None


def read_specs(folder: Path) -> tuple[dict[Path, ModelSpec], tuple[SpecError, ...]]:
    """Read every `*.toml` below a folder's top level or one level deeper; wrong ones come back as errors."""
    specs: dict[Path, ModelSpec] = {}
    errors: list[SpecError] = []
    for file in sorted([*folder.glob("*.toml"), *folder.glob("*/*.toml")]):
        try:
            spec = read_spec(file)
        except SpecError as error:
            errors.append(error)
            continue
        twin = next((other for other, known in specs.items() if known.name == spec.name), None)
        if twin is None:
            specs[file] = spec
        else:
            errors.append(SpecError(str(file), (f"name: {spec.name} is taken by {twin}; choose another",)))
    return specs, tuple(errors)
