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
        SpecError: its schedule is wrong, or its table, or a link on the way to it or in it, lies elsewhere.
    """
    found = (schedule.problem(spec), _source_problem(spec, spec_file, folders))
    if problems := tuple(problem for problem in found if problem):
        raise wrong(spec_file, *problems)


def _source_problem(spec: ModelSpec, spec_file: Path, folders: Sequence[Path]) -> str | None:
    """Whoever may put a spec into the folder of models must not read with it what the pipeline's user may read."""
    if spec.source.path is None or "\0" in spec.source.path:
        return None
    outside = _outside(spec_file.parent / spec.source.path, [os.path.realpath(folder) for folder in folders])
    if outside is None:
        return None
    return (
        f"source.path: {spec.source.path!r} leads to {outside}, which is not in {folders[0]}: move the table there, "
        f"or name its folder in {PREFIX}SOURCE_FOLDERS"
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
