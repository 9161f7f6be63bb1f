"""What Airflow asks of a spec that is right in itself: a schedule that comes, and a table in a known folder."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlyard_shared.spec import ModelSpec
from mlyard_shared.spec.files import wrong

from mlyard_training_pipeline import schedule
from mlyard_training_pipeline.settings import PREFIX


def admit(spec: ModelSpec, spec_file: Path, *, folders: Sequence[Path]) -> None:
    """Check a spec before Airflow trains it.

    Args:
        spec: what the file says.
        spec_file: where it lies; `source.path` starts there.
        folders: those that tables may lie in (`Settings.table_folders`).

    Raises:
        SpecError: a schedule is wrong, or a table, or a link on the way to it or in it, lies elsewhere.
    """
    found = [schedule.problem(spec)]
    found += [_place_problem(key, path, spec_file, folders) for key, path in _places(spec).items()]
    if problems := tuple(problem for problem in found if problem):
        raise wrong(spec_file, *problems)


def _places(spec: ModelSpec) -> dict[str, str | None]:
    """The paths of a spec: what is read, and what is written."""
    scoring = spec.scoring
    return {
        "source.path": spec.source.path,
        "scoring.source.path": scoring.source.path if scoring.source else None,
        "scoring.sink.path": scoring.sink.path if scoring.sink else None,
        "scoring.rejects": scoring.rejects,
    }


def _place_problem(key: str, path: str | None, spec_file: Path, folders: Sequence[Path]) -> str | None:
    """Whoever may put a spec into the folder of models must not read or write with it what the pipeline's user may."""
    if path is None or "\0" in path:
        return None
    outside = _outside(spec_file.parent / path, [os.path.realpath(folder) for folder in folders])
    if outside is None:
        return None
    way_out = "move the table there" if key.endswith("source.path") else "give a path there"
    return (
        f"{key}: {path!r} leads to {outside}, which is not in {folders[0]}: {way_out}, or name its folder in "
        f"{PREFIX}SOURCE_FOLDERS"
    )


def _outside(path: Path, allowed: Sequence[str]) -> str | None:
    """The first place beyond the allowed folders that a path leads to, by itself or by a link in its folder."""
    pending, seen = [str(path)], set()
    while pending:
        real = os.path.realpath(pending.pop())
        if not any(os.path.commonpath((real, folder)) == folder for folder in allowed):
            return real
        if real not in seen and Path(real).is_dir():
            pending += _ways_on(real)
        seen.add(real)
    return None


def _ways_on(folder: str) -> Iterable[str]:
    """The links and folders in a folder, but for hidden ones, which no table is read from."""
    try:
        with os.scandir(folder) as entries:
            seen = [entry for entry in entries if not entry.name.startswith(".")]
            return [entry.path for entry in seen if entry.is_symlink() or entry.is_dir()]
    # Such a folder cannot be read either, as its reader will say.
    except OSError:
        return ()
