"""The model spec: the one file that a user writes to get a model."""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.errors import SpecError
from mlyard_shared.metrics import METRICS, MetricName, Task
from mlyard_shared.schema import ColumnType, DatePart

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
ColumnName = Annotated[str, Field(min_length=1, max_length=200)]
Parameter = bool | int | float | str | None | list["Parameter"] | dict[str, "Parameter"]


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
    dates: dict[ColumnName, tuple[DatePart, ...]] = {}
    unseen: dict[ColumnName, Literal["refuse", "accept"]] = {}

    @model_validator(mode="after")
    def _use_or_leave_out(self) -> Self:
        if self.use and self.leave_out:
            raise ValueError("give either use or leave_out")
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
        return ModelSpec.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise SpecError(str(file), (f"cannot be read ({error.strerror})",)) from None
    except UnicodeDecodeError:
        raise SpecError(str(file), ("is not UTF-8 text",)) from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(str(file), (f"is not TOML: {error}",)) from None
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise SpecError(str(file), tuple(_problem(problem["loc"], problem) for problem in problems)) from None


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


def _problem(location: tuple[int | str, ...], problem: Any) -> str:
    key = ".".join(str(part) for part in location)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(location)
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    if problem["type"] == "string_pattern_mismatch" and location[-1] == "estimator":
        return f"{key}: give the import path of a scikit-learn estimator, such as sklearn.linear_model.Ridge"
    if problem["type"] == "string_pattern_mismatch":
        return f"{key}: use lower-case letters, digits, - and _, beginning with a letter, 63 at the most"
    return f"{key}: {message[:1].lower()}{message[1:]}" if key else message


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    model: Any = ModelSpec
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        model = next((a for a in get_args(annotation) if isinstance(a, type)), annotation)
    return list(model.model_fields)
