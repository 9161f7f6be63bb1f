"""The model spec: the one file that a user writes to get a model."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from typing_extensions import TypeAliasType

from mlyard_shared.contract import Contract
from mlyard_shared.errors import SpecError
from mlyard_shared.metrics import METRICS, MetricName, Task
from mlyard_shared.schema import ColumnType, DatePart
from mlyard_shared.spec_errors import problems, value_problems

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
ColumnName = Annotated[str, Field(min_length=1, max_length=200)]
Parameter = TypeAliasType("Parameter", "bool | int | float | str | list[Parameter] | dict[str, Parameter] | None")


class Source(Contract):
    """Where the table is: a CSV or Parquet file or folder, or a query over a connection named in the settings."""

    path: str | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    missing: tuple[str, ...] = ("", "NA", "NaN", "null")
    connection: Slug | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.path is None) == (self.connection is None and self.query is None):
            raise ValueError("give either path, or connection and query")
        if self.path is None and (self.connection is None or self.query is None):
            raise ValueError("connection and query go together")
        return self


class Features(Contract):
    """Which columns the model sees. Types are inferred where they are not given."""

    use: tuple[ColumnName, ...] = ()
    leave_out: tuple[ColumnName, ...] = ()
    types: dict[ColumnName, ColumnType] = {}
    dates: dict[ColumnName, Annotated[tuple[DatePart, ...], Field(min_length=1)]] = {}
    unseen: dict[ColumnName, Literal["refuse", "accept"]] = {}

    @model_validator(mode="after")
    def _use_or_leave_out(self) -> Self:
        if self.use and self.leave_out:
            raise ValueError("give either use or leave_out")
        for name, parts in self.dates.items():
            if len(parts) != len(set(parts)):
                raise ValueError(f"dates.{name} names a part twice")
        return self


class Candidate(Contract):
    """A scikit-learn estimator to try, with fixed parameters and a grid to search."""

    name: Slug
    estimator: Annotated[str, Field(pattern=r"^sklearn(\.[A-Za-z_]\w*)+$")]
    parameters: dict[str, Parameter] = {}
    grid: dict[str, Annotated[list[Parameter], Field(min_length=1)]] = {}


class Holdout(Contract):
    """How much of the table no candidate trains on."""

    fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.2


class Gate(Contract):
    """What a candidate must reach on the holdout, in units of the metric.

    It must beat the champion by more than `margin`, and be at least as good as `minimum` where one is given.
    """

    minimum: float | None = None
    margin: Annotated[float, Field(ge=0)] = 0.0


class Drift(Contract):
    """When a feature counts as shifted."""

    psi: Annotated[float, Field(gt=0)] = 0.2


class ModelSpec(Contract):
    """A model spec, version 1."""

    version: Literal[1]
    name: Slug
    task: Task
    target: ColumnName
    metric: MetricName
    source: Source
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=1)]
    key: tuple[ColumnName, ...] = ()
    event_time: ColumnName | None = None
    group: ColumnName | None = None
    features: Features = Features()
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    holdout: Holdout = Holdout()
    gate: Gate = Gate()
    drift: Drift = Drift()
    schedule: str | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [candidate.name for candidate in self.candidates]
        if len(names) != len(set(names)):
            raise ValueError("two candidates have the same name")
        if METRICS[self.metric].task != self.task:
            fitting = ", ".join(name for name, metric in METRICS.items() if metric.task == self.task)
            raise ValueError(f"metric {self.metric} is not for {self.task}: use one of {fitting}")
        if self.target in {*self.key, self.event_time, self.group}:
            raise ValueError(f"the target {self.target} is also named as key, event_time or group")
        if self.target in self.features.use:
            raise ValueError(f"features.use names the target {self.target}")
        return self

    @property
    def identifying_columns(self) -> tuple[str, ...]:
        """Columns that say which row or when, and are no features."""
        return tuple(dict.fromkeys([*self.key, *([self.group] if self.group else [])]))


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
