"""The folder of specs as Airflow sees it: a DAG file for each spec, written and removed as the specs come and go."""

import logging
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from airflow.dag_processing.bundles.local import LocalDagBundle
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_specs

from mlyard_training_pipeline.orchestration.dag_files import dag_file

logger = logging.getLogger(__name__)

_RIGHT = """\
# Written from the spec named below, and written again when that changes ({stamp}).
from pathlib import Path

from mlyard_training_pipeline.orchestration.dags.scoring import scoring_dag
from mlyard_training_pipeline.orchestration.dags.training import training_dag

dag = training_dag(Path({file!r}), folders=[Path(folder) for folder in {folders!r}], seen={seen})
scoring = scoring_dag(Path({file!r}), seen={seen})
"""
_SEEN = re.compile(r"when that changes \((\S+)\)\..*, seen=(\d+)\)", re.DOTALL)
"""The stamp of the spec that a DAG file was written from, and when that was seen first."""

_WRONG = """\
# Written from the spec named below, and written again when that changes.
from mlyard_shared.errors import SpecError

raise SpecError({file!r}, {problems!r})
"""


class SpecBundle(LocalDagBundle):
    """A bundle of one DAG file for each spec of `models`, in the folder `path`, for tables in `folders`.

    With a file of its own, a new spec is parsed at the next refresh, in a process of its own, a removed one takes its
    DAG with it at once, and a wrong one shows as an import error of its own, beside the others' DAGs.
    """

    def __init__(self, *, models: str, folders: Sequence[str], path: str, **kwargs: Any) -> None:
        """Take the folders of specs, tables and DAG files; nothing is read or written yet."""
        super().__init__(path=path, **kwargs)
        self._models = Path(models)
        self._folders = list(folders)

    def initialize(self) -> None:
        """Write the DAG files where there are none yet: the process of a task may be the first to need them."""
        if not self.path.is_dir():
            self.refresh()
        super().initialize()

    def refresh(self) -> None:
        """Bring the DAG files in line with the specs; while the folder of specs cannot be read, they stay."""
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            wanted = self._files()
        except SpecError as error:
            logger.error("%s", error)  # noqa: TRY400 - the sentence says it all
            return
        for file, content in wanted.items():
            try:
                _write(file, content)
            except OSError:
                logger.exception("the DAG file %s cannot be written", file)
        for file in self.path.rglob("*.py"):
            if file not in wanted and file.is_file():
                file.unlink(missing_ok=True)

    def _files(self) -> dict[Path, str]:
        specs, errors = read_specs(self._models)
        right = {file: self._right(file) for file in specs}
        wrong = {Path(error.file): _WRONG.format(file=error.file, problems=error.problems) for error in errors}
        return {self.path / dag_file(file, models=self._models): text for file, text in (right | wrong).items()}

    def _right(self, spec: Path) -> str:
        """The DAG file of a spec: its time stays as long as the spec does."""
        stamp, seen = _stamp(spec), int(time.time())
        with suppress(OSError, UnicodeDecodeError):
            former = _SEEN.search((self.path / dag_file(spec, models=self._models)).read_text(encoding="utf-8"))
            if former is not None and former[1] == stamp:
                seen = int(former[2])
        return _RIGHT.format(file=str(spec), folders=self._folders, stamp=stamp, seen=seen)


def _stamp(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return "gone"
    # The second one changes also where an older file takes the place of the former.
    return f"{found.st_mtime_ns}-{found.st_ctime_ns}"


def _write(file: Path, content: str) -> None:
    """Write a file as a whole, and only where that changes it: Airflow parses by the time of the last change."""
    try:
        if file.read_text(encoding="utf-8") == content:
            return
    except OSError:
        file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{uuid4().hex}")
    draft.write_text(content, encoding="utf-8")
    draft.replace(file)
