"""How a spec and its table are understood, for people: every problem at once, or columns, sides and candidates."""

import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path

from mlyard_shared.errors import SettingsError, SpecError, TableError
from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec import Candidate, ModelSpec, read_spec

from mlyard_training_pipeline import schedule
from mlyard_training_pipeline.data import encoding, sources
from mlyard_training_pipeline.data.dataset import Dataset, store
from mlyard_training_pipeline.data.dataset.building import build
from mlyard_training_pipeline.data.holdout import HASHES
from mlyard_training_pipeline.data.problems import Problems
from mlyard_training_pipeline.data.table import Table
from mlyard_training_pipeline.screening.screen import screen, told
from mlyard_training_pipeline.settings import PREFIX, Settings

_SHOWN = 6


def describe(spec_file: Path, settings: Settings) -> Iterator[str]:
    """Check a spec and its table without the registry, and describe them line by line.

    The table is read by the code that a training reads it by.

    Raises:
        SpecError: the spec, its schedule, a candidate or the folds: every problem.
        TableError: the table does not fit the spec: every problem, of the spec too.
        SettingsError: the connection has no URL, or the cache cannot be written to.
    """
    spec = read_spec(spec_file)
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        dataset = _checked(spec, spec_file, settings, Path(folder))
        yield from _of_table(spec, dataset)
        yield from _of_spec(spec, dataset)
        yield from told(screen(dataset, spec), spec)


def _checked(spec: ModelSpec, spec_file: Path, settings: Settings, folder: Path) -> Dataset:
    # scikit-learn is imported after the table was read, so that a wrong table is told of sooner.
    dataset, wrong = None, None
    try:
        dataset = _dataset(spec, spec_file, settings, folder)
    except (TableError, SettingsError) as error:
        wrong = error
    from mlyard_training_pipeline.candidates import checks

    problems = [problem] if (problem := schedule.problem(spec)) else []
    trusted = settings.estimator_packages
    problems += (
        checks.spec_problems(spec, trusted=trusted)
        if dataset is None
        else checks.problems(spec, dataset, trusted=trusted)
    )
    if settings.model_version_contract == 1:
        from mlyard_training_pipeline.versions import contract1

        problems += contract1.problems(spec)
    if wrong is not None and not problems:
        raise wrong
    if wrong is not None:
        raise TableError("\n".join([str(wrong), *(f"{spec_file}: {problem}" for problem in problems)]))
    if problems or dataset is None:
        raise SpecError(str(spec_file), tuple(problems))
    return dataset


def _dataset(spec: ModelSpec, spec_file: Path, settings: Settings, folder: Path) -> Dataset:
    snapshot, arrays = folder / "snapshot.parquet", folder / "dataset"
    encoding.write(sources.open_table(spec, spec_file.parent, settings.connections), snapshot)
    arrays.mkdir()
    problems = Problems(spec)
    try:
        layout = build(
            Table(snapshot), spec, arrays, problems=problems, hash_name=HASHES[settings.model_version_contract]
        )
    except TableError as error:
        raise TableError("\n".join([str(error), *_besides(spec, problems, snapshot, folder)])) from None
    return Dataset(arrays, layout, spec, lambda: snapshot)


def _besides(spec: ModelSpec, problems: Problems, snapshot: Path, folder: Path) -> list[str]:
    """What is to be told of the other columns, where all that is wrong are columns that can be left out."""
    going = {problem.leave_out for problem in problems.found}
    used = tuple(name for name in spec.features.use if name not in going)
    if None in going or not going or (spec.features.use and not used):
        return []
    left = () if used else (*spec.features.leave_out, *sorted(map(str, going)))
    other = spec.model_copy(update={"features": spec.features.model_copy(update={"use": used, "leave_out": left})})
    arrays = folder / "others"
    arrays.mkdir()
    try:
        dataset = store.make(snapshot, arrays, other)
    except TableError:
        return []
    return list(told(screen(dataset, other), other))


def _of_table(spec: ModelSpec, dataset: Dataset) -> Iterator[str]:
    classes = f" ({', '.join(str(label) for label in dataset.classes)})" if dataset.classes else ""
    yield f"{spec.name}: {spec.task} of {spec.target}{classes}, judged by {spec.metric}"
    held_out, training = int(dataset.held_out.sum()), int(dataset.training.sum())
    between, asked = dataset.rows - held_out - training, spec.holdout.fraction
    share = f"{held_out / dataset.rows:.1%}"
    yield (
        f"{dataset.rows} rows: {training} to train on, {held_out} ({share}"
        f"{'' if share == f'{asked:.1%}' else f' where {asked:.1%} was asked for'}) held out by {_rule(dataset)}"
        f"{f', {between} within the embargo of {spec.holdout.embargo} between them' if between else ''}"
    )
    for column in dataset.schema.columns:
        nullable = "nullable" if column.nullable else ""
        yield f"  {column.name:<24} {column.type:<8} {nullable:<8} {_detail(column, dataset.schema)}".rstrip()
    seen = {column.name for column in dataset.schema.columns}
    left_out = [name for name in dataset.names if name not in seen and name != spec.target]
    if left_out:
        yield f"  not seen by the model: {', '.join(left_out)}"


def _of_spec(spec: ModelSpec, dataset: Dataset) -> Iterator[str]:
    from mlyard_training_pipeline.candidates import estimators

    for candidate in spec.candidates:
        choices = _choices(candidate)
        yield f"candidate {candidate.name}: {candidate.estimator}, {choices}, {spec.folds} folds"
    rounding = [known.name for known in spec.candidates if estimators.precision(known) == "float32"]
    rounded = [column.name for column in dataset.schema.columns if column.rounded]
    if rounding and rounded:
        yield (
            f"warning: {', '.join(rounded)} lose{'s' if len(rounded) == 1 else ''} digits as float32, in which "
            f"{', '.join(rounding)} compute{'s' if len(rounding) == 1 else ''}: about seven digits are kept"
        )
    yield from _of_memory(spec, dataset)
    if spec.source.connection:
        yield f"connection: {spec.source.connection}"
    yield schedule.describe(spec)


def _of_memory(spec: ModelSpec, dataset: Dataset) -> Iterator[str]:
    """What each candidate sees of the categories and takes of the memory, and whether they fit beside one another."""
    from mlyard_training_pipeline.candidates import categories, estimators, footprint, memory, preprocessing

    rows, classes, there = int((dataset.training).sum()), len(dataset.classes), memory.limit()
    needed, grown = [], (0, "")
    for candidate in spec.candidates:
        encoding = preprocessing.encoding_of(candidate, dataset.schema, features=spec.features, classes=dataset.classes)
        model = estimators.estimator(candidate, encoding, dataset.classes)
        needed.append(footprint.of_fit(model, encoding, rows=rows, folds=spec.folds, classes=classes))
        grown = max(grown, (footprint.of_trees(model, rows=rows, classes=classes), candidate.name))
        about = [f"about {footprint.told(footprint.PROCESS + needed[-1])} of memory"]
        if encoding.levels:
            about.append(categories.summary(encoding.levels))
        yield f"candidate {candidate.name} takes {'; '.join(about)}"
    limit = footprint.told(there)
    if grown[0] > there:
        yield (
            f"warning: the trees of {grown[1]} may grow to {footprint.told(grown[0])}, and there are {limit} of "
            "memory: say max_depth, max_leaf_nodes, min_samples_leaf or fewer n_estimators in its parameters"
        )
    together = sum(footprint.PROCESS + one for one in needed)
    if len(needed) > 1 and together > there:
        yield (
            f"warning: in Airflow candidates are trained at once, which takes about {footprint.told(together)}, and "
            f"there are {limit} of memory: lower {PREFIX}PARALLELISM, or give it more memory"
        )


def _choices(candidate: Candidate) -> str:
    every = prod(len(values) for values in candidate.grid.values())
    tried = (candidate.trials or every) if candidate.ranges else min(candidate.trials or every, every)
    how = "" if candidate.search == "grid" else f", {_SEARCHES[candidate.search]}"
    return f"{tried} setting{'s' if tried > 1 else ''}{how}"


_SEARCHES = {"random": "drawn at random", "halving": "the best on ever more rows", "optuna": "chosen by Optuna"}


def _rule(dataset: Dataset) -> str:
    rule = dataset.rule
    if rule.boundary is not None:
        return f"time: {rule.columns[0]} from {rule.boundary:%Y-%m-%dT%H:%M:%S%z} on"
    return f"a hash of {', '.join(rule.columns)}"


def _detail(column: Column, schema: Schema) -> str:
    if column.type == "datetime":
        return f"becomes {', '.join(schema.parts(column.name))}"
    if column.type != "category":
        return ""
    shown = ", ".join(column.categories[:_SHOWN])
    more = f" and {len(column.categories) - _SHOWN} more" if len(column.categories) > _SHOWN else ""
    return f"{shown}{more}; {column.unseen}s others"
