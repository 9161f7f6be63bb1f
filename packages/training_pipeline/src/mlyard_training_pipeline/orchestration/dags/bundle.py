"""The folder of specs as Airflow sees it: a DAG file for each spec, written and removed as the specs come and go."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from airflow.dag_processing.bundles.local import LocalDagBundle
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_specs

_RIGHT = """\
# Written from the spec named below, and written again when that changes ({stamp}).
from pathlib import Path

from mlyard_training_pipeline.orchestration.dags.training import training_dag

dag = training_dag(Path({file!r}))
"""

_WRONG = """\
# Written from the spec named below, and written again when that changes.
from mlyard_shared.errors import SpecError

raise SpecError({file!r}, {problems!r})
"""


class SpecBundle(LocalDagBundle):
    """A bundle of one DAG file for each `*.toml` of `models`, in the folder `path`.

    With a file of its own, a new spec is parsed at the next refresh, a removed one takes its DAG with it at once, and a
    wrong one shows as an import error of its own, beside the others' DAGs.
    """

    def __init__(self, *, models: str, path: str, **kwargs: Any) -> None:
        """Take the folder of specs and that of the DAG files; nothing is read or written yet."""
        super().__init__(path=path, **kwargs)
        self._models = Path(models)

    def initialize(self) -> None:
        """Write the DAG files: the process of a task may be the first to need them."""
        self.refresh()
        super().initialize()

    def refresh(self) -> None:
        """Bring the DAG files in line with the specs."""
        wanted = self._files()
        for file, content in wanted.items():
            _write(file, content)
        for file in self.path.rglob("*.toml.py"):
            if file not in wanted:
                file.unlink(missing_ok=True)

    def _files(self) -> dict[Path, str]:
        specs, errors = read_specs(self._models)
        right = {self._file(file): _RIGHT.format(file=str(file), stamp=_stamp(file)) for file in specs}
        return right | {self._file(Path(error.file)): _wrong(error) for error in errors}

    def _file(self, spec: Path) -> Path:
        return self.path / f"{spec.relative_to(self._models)}.py"


def _wrong(error: SpecError) -> str:
    return _WRONG.format(file=error.file, problems=error.problems)


def _stamp(file: Path) -> str:
    try:
        return str(file.stat().st_mtime_ns)
    except OSError:
        return "gone"


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
