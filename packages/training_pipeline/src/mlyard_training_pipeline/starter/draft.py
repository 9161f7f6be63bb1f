"""A spec under way: what is known of it, with the reason for each choice."""

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from mlyard_shared.columns import ColumnType
from mlyard_shared.errors import TableError
from mlyard_shared.metrics import MetricName, Task
from mlyard_shared.spec import ModelSpec
from mlyard_shared.spec.problems import printable

from mlyard_training_pipeline.data.columns import readings
from mlyard_training_pipeline.data.problems import Problem, Problems

_LINE = re.compile(r'source\.(separator|encoding|multiline|quote) = ("(?:[^"\\]|\\.)*"|true|false)')
"""A key of the source as the way out of an error names it."""

_PROBE = {"version": 1, "candidates": [{"name": "probe", "estimator": "sklearn.dummy.DummyRegressor"}]}


@dataclass
class Draft:
    """What is known of a spec; `left` are the columns that the model does not see, and why."""

    name: str
    target: str
    source: dict[str, Any]
    task: Task = "regression"
    metric: MetricName = "rmse"
    key: str | None = None
    event_time: str | None = None
    folds: int = 5
    types: dict[str, ColumnType] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    candidates: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The spec as TOML would give it."""
        leave_out = [name for name in self.left if name not in (self.key, self.event_time)]
        chosen: dict[str, Any] = {
            **_PROBE,
            "name": self.name,
            "task": self.task,
            "target": self.target,
            "metric": self.metric,
            "folds": self.folds,
            "source": self.source,
            "features": {"leave_out": leave_out, "types": self.types},
        }
        if self.candidates:
            chosen["candidates"] = [{key: one[key] for key in one if key != "why"} for one in self.candidates]
        if self.key is not None:
            chosen["key"] = [self.key]
        if self.event_time is not None:
            chosen["event_time"] = self.event_time
        if self.key is None and self.event_time is None:
            chosen["holdout"] = {"by": "row"}
        return chosen

    def spec(self) -> ModelSpec:
        """The spec as it is now."""
        return ModelSpec.model_validate(self.document())

    def leave_out(self, column: str, why: str) -> None:
        """Keep a column from the model."""
        self.left.setdefault(column, printable(why))
        self.types.pop(column, None)

    def takes_error(self, error: TableError) -> bool:
        """Take the key of the source that an error names as its way out, if it names one that is not said yet."""
        found = _LINE.search(str(error))
        if found is None or found[1] in self.source:
            return False
        self.source[found[1]] = tomllib.loads(f"value = {found[2]}")["value"]
        self.why[found[1]] = {
            "separator": "what separates the cells of this file",
            "encoding": "a guess, since the file is not UTF-8: look whether names and texts are right",
            "multiline": "some cells hold line breaks",
        }.get(found[1], "as this file has it")
        return True

    def takes(self, problems: Problems) -> Problems:
        """Take the ways out of a table's problems, and return those that have none that is safe."""
        return Problems(problems.spec, [problem for problem in problems.found if not self._takes(problem, problems)])

    def _takes(self, problem: Problem, problems: Problems) -> bool:
        if problem.missing:
            known = self.source.get("missing", list(problems.spec.source.missing))
            self.source["missing"] = list(dict.fromkeys([*known, *problem.missing]))
            self.why["missing"] = "texts that stand for a missing value, as far as this table shows"
            return True
        if problem.pairs and self._writes_numbers(problem, problems):
            return True
        if problem.leave_out is not None:
            self.leave_out(problem.leave_out, ": ".join([problem.text, *problem.first[:1]]))
            return True
        if problem.types:
            column, kind, _ = problem.types[0]
            if self.types.get(column) != kind:
                self.types[column] = kind
                return True
        return False

    def _writes_numbers(self, problem: Problem, problems: Problems) -> bool:
        """Say how numbers are written, where all columns can be read alike."""
        pairs = [(".", None)] if problem.each else readings.fewest(problems.suiting(problem.pairs))
        if not pairs:
            return False
        decimal, thousands = pairs[0]
        said = {"decimal": decimal, **({"thousands": thousands} if thousands else {})}
        units = [*self.source.get("units", ()), *problem.units]
        changed = {**self.source, **said, **({"units": list(dict.fromkeys(units))} if units else {})}
        if changed == self.source:
            return False
        self.source.update(changed)
        self.why["decimal"] = (
            "numbers such as 1.234 may be thousands as well: say thousands instead if they are"
            if problem.each
            else "how this table writes numbers"
        )
        return True
