"""Writes a first spec: the table is read as a training reads it, until it fits what is said of it."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlyard_shared.errors import SpecError, TableError
from mlyard_shared.spec import read_spec
from pydantic import SecretStr

from mlyard_training_pipeline.data import encoding, sources
from mlyard_training_pipeline.data.dataset import Dataset, roles
from mlyard_training_pipeline.data.dataset.building import build
from mlyard_training_pipeline.data.problems import Problems
from mlyard_training_pipeline.data.table import Table
from mlyard_training_pipeline.screening import Finding, screen
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.starter import columns, document, target
from mlyard_training_pipeline.starter.candidates import candidates
from mlyard_training_pipeline.starter.draft import Draft
from mlyard_training_pipeline.starter.request import Request

_ROUNDS = 12
"""Each takes the ways out of all problems that one reading found, of which a key for numbers may bring up others."""


def write(request: Request, settings: Settings) -> Iterator[str]:
    """Write the spec, and say what was chosen line by line.

    Raises:
        TableError: the table allows no spec, and the way out.
        SpecError: the spec cannot be written.
        SettingsError: the connection has no URL.
    """
    draft = Draft(request.name, request.target, dict(request.source))
    with tempfile.TemporaryDirectory(prefix="mlyard-") as name:
        reading = _Reading(draft, request.output.absolute().parent, settings.connections, Path(name))
        dataset, findings = reading.fitted()
        draft.candidates = candidates(draft.task, dataset.rows)
        _save(request, document.written(draft), dataset, settings)
        yield from _told(request, draft, dataset, findings)


class _Reading:
    """The table of a draft, read again whenever the draft says something new of it."""

    def __init__(self, draft: Draft, folder: Path, connections: Mapping[str, SecretStr], place: Path) -> None:
        self._draft, self._folder, self._connections, self._place = draft, folder, connections, place
        self._tries, self._source = 0, ""

    def fitted(self) -> tuple[Dataset, tuple[Finding, ...]]:
        """The Dataset of the draft once the table fits it, and what is left to be told."""
        draft, dataset = self._draft, self._read()
        if draft.event_time is None and (found := columns.event_time(draft, dataset)):
            draft.event_time = found
            try:
                dataset = self._read()
            except TableError:
                # The newest rows lack a class, or are too few.
                draft.event_time = None
                dataset = self._read()
        findings = screen(dataset, draft.spec())
        going = [finding for finding in findings if finding.leave_out is not None]
        if going and len(going) < len(dataset.schema.columns):
            for finding in going:
                draft.leave_out(str(finding.leave_out), finding.text)
            return self._read(), tuple(finding for finding in findings if finding.leave_out is None)
        return dataset, findings

    def _read(self) -> Dataset:
        for _ in range(_ROUNDS):
            table = self._table()
            columns.find_ids(self._draft, table)
            problems = target.decide(self._draft, table, self._new_folder())
            folder = self._new_folder()
            if not problems:
                spec = self._draft.spec()
                problems = Problems(spec)
                try:
                    layout = build(table, spec, folder, problems=problems)
                except TableError:
                    if not problems:
                        raise
                else:
                    return Dataset(folder, layout, spec, lambda: self._file)
            unsolved = self._draft.takes(problems)
            if unsolved and not self._gives_way(unsolved):
                _check_rows(unsolved)
                unsolved.check()
        problems.check()
        raise AssertionError("a table without problems was not taken")

    def _gives_way(self, problems: Problems) -> bool:
        """Fewer folds where a class is rare, and the metric that does not need every class in the holdout."""
        draft, said = self._draft, " ".join(problems.sentences())
        if draft.event_time is None and draft.folds > 2 and "folds" in said:
            draft.folds = 3 if draft.folds > 3 else 2
            return True
        return False

    def _table(self) -> Table:
        """The snapshot, written again where the draft reads the source in another way."""
        while True:
            if self._source == repr(self._draft.source):
                return Table(self._file)
            spec = self._draft.spec()
            try:
                stream = sources.open_table(spec, self._folder, self._connections)
                problems = Problems(spec)
                roles.check(spec, stream.names, problems)
                problems.check()
                encoding.write(stream, self._file)
            except TableError as error:
                if not self._draft.takes_error(error):
                    raise
            else:
                self._source = repr(self._draft.source)

    @property
    def _file(self) -> Path:
        return self._place / "snapshot.parquet"

    def _new_folder(self) -> Path:
        self._tries += 1
        return columns.folder_of(self._place, self._tries)


def _check_rows(problems: Problems) -> None:
    """Say what helps where no column tells rows apart, and one of them has values that cannot be compared."""
    nested = [problem.text for problem in problems.found if "which says which row it is, holds" in problem.text]
    if nested:
        raise TableError(
            f"{'; '.join(nested)}, and no column tells the rows apart: add one that numbers them, or take such columns "
            "out of the table"
        )


def _save(request: Request, text: str, dataset: Dataset, settings: Settings) -> None:
    """Write the file only if `validate` will take it, and whole or not at all."""
    from mlyard_training_pipeline.candidates import checks

    made = request.output.with_name(f".{request.output.stem}.{os.getpid()}.toml")
    try:
        made.write_text(text, encoding="utf-8")
        spec = read_spec(made)
        if problems := checks.problems(spec, dataset, trusted=settings.estimator_packages):
            raise TableError("\n".join(problems))
        made.replace(request.output)
    except OSError as error:
        raise SpecError(str(request.output), (f"cannot be written: {error.strerror}",)) from None
    except SpecError as error:
        raise SpecError(str(request.output), error.problems) from None
    finally:
        _remove(made)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:
        return


def _told(request: Request, draft: Draft, dataset: Dataset, findings: tuple[Finding, ...]) -> Iterator[str]:
    classes = f" ({', '.join(str(label) for label in dataset.classes)})" if dataset.classes else ""
    yield f"{request.output}: {draft.task} of {draft.target}{classes}, judged by {draft.metric}"
    yield f"{dataset.rows} rows, {len(dataset.schema.columns)} features"
    for key, column in (("key", draft.key), ("event time", draft.event_time)):
        if column is not None:
            yield f"{key}: {column}"
    for name, why in draft.left.items():
        yield f"left out {name}: {why}"
    yield from (f"warning: {finding.text}" for finding in findings)
    yield f"read it, and then: mlyard-training-pipeline validate {request.output}"
