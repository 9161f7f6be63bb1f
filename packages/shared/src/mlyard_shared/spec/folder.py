"""The model specs of a folder: each is read apart from the others, and a name belongs to one of them."""

import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from mlyard_shared.errors import SpecError
from mlyard_shared.spec.files import read_if_spec, wrong
from mlyard_shared.spec.model import ModelSpec

SHOWN_TWINS = 3
"""Other files of the same name that an error names."""


def read_specs(folder: Path) -> tuple[dict[Path, ModelSpec], tuple[SpecError, ...]]:
    """Read every spec in a folder or one level below; wrong ones come back as errors, by file.

    Hidden files and folders are left alone, and TOML files that are something else. Of several paths to one file only
    one counts. Two specs of one name are both wrong.

    Raises:
        SpecError: the folder itself cannot be read.
    """
    specs: dict[Path, ModelSpec] = {}
    errors: dict[Path, SpecError] = {}
    try:
        files = list(_files(folder, errors))
    except OSError as error:
        raise wrong(folder, f"cannot be read ({error.strerror})") from None
    for file in _without_aliases(folder, files):
        try:
            spec = _read(file)
        except SpecError as error:
            errors[file] = error
        else:
            if spec is not None:
                specs[file] = spec
    twins = _twins(specs)
    errors |= twins
    right = {file: spec for file, spec in specs.items() if file not in twins}
    return right, tuple(errors[file] for file in sorted(errors))


def _files(folder: Path, errors: dict[Path, SpecError]) -> Iterator[Path]:
    """The folder's `*.toml` and those of the folders in it; one of these that cannot be read becomes an error."""
    with os.scandir(folder) as entries:
        found = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    for entry in found:
        path = folder / entry.name
        if entry.name.endswith(".toml"):
            yield path
        if not path.is_dir():
            continue
        try:
            inside = sorted(path.iterdir())
        except OSError as error:
            errors[path] = wrong(path, f"cannot be read ({error.strerror})")
            continue
        yield from (file for file in inside if file.name.endswith(".toml") and not file.name.startswith("."))


def _without_aliases(folder: Path, files: list[Path]) -> list[Path]:
    """One path for each file: its own where that is among them, else the first that leads to it."""
    real_folder = os.path.realpath(folder)
    kept: dict[str, Path] = {}
    for file in files:
        real = os.path.realpath(file)
        if real not in kept or real == os.path.join(real_folder, file.relative_to(folder)):  # noqa: PTH118
            kept[real] = file
    return sorted(kept.values())


def _read(file: Path) -> ModelSpec | None:
    try:
        os.fspath(file).encode("utf-8")
        return read_if_spec(file)
    except UnicodeEncodeError:
        raise wrong(file, "has a name that is not UTF-8: rename it") from None
    except SpecError:
        raise
    # Whatever one file brings about, the others are to be read.
    except Exception as error:
        logging.getLogger(__name__).exception("a spec cannot be read")
        raise wrong(file, f"cannot be read ({type(error).__name__}: {error})") from error


def _twins(specs: dict[Path, ModelSpec]) -> dict[Path, SpecError]:
    """An error for each spec whose name another one has too."""
    by_name = defaultdict(list)
    for file, spec in specs.items():
        by_name[spec.name].append(file)
    errors = {}
    for name, files in by_name.items():
        for file in files if len(files) > 1 else ():
            others = [str(other) for other in files if other != file]
            more = f" and {len(others) - SHOWN_TWINS} more" if len(others) > SHOWN_TWINS else ""
            shown = ", ".join(others[:SHOWN_TWINS])
            errors[file] = wrong(file, f"name: {name} is also the name of {shown}{more}; choose another in one of them")
    return errors
