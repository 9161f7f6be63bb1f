"""What a whole training takes beside a plain script that fits the same model: processor time and memory, by size.

    hatch run bench-size [--csv] [--large] [--steps] [ROWS ...]

The table is of flights, always the same for so many rows: a number of the flight, a carrier of 20, an origin and a
destination of 300, a time, four numbers, and whether it was late. Both sides fit HistGradientBoosting of 20 iterations
with native categories over 3 folds and then on every training row, on one thread, and score the rows held out; the
plain script reads the table with pandas, and pools airports beyond the 254 most frequent, since scikit-learn takes 255.

By default there are 1e5 and 1e6 rows, and with --large 1e7, for which two gigabytes are needed below TMPDIR. Each
measurement has a process of its own: the processor's seconds but for those of its imports, which another process
tells, and the most memory that it had. The registry is an MLflow store on SQLite in the same process. --steps shows the
seconds of each step, with what it imports.
"""

import argparse
import contextlib
import io
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS, LARGE = (100_000, 1_000_000), 10_000_000
_AT_ONCE = 500_000
_LEVELS = 254
_SPEC = """
version = 1
name = "flights"
task = "classification"
target = "late"
metric = "roc_auc"
key = ["flight"]
folds = 3

[source]
path = "{file}"

[features]
types = {{ origin = "category", destination = "category" }}

[[candidates]]
name = "boosting"
estimator = "sklearn.ensemble.HistGradientBoostingClassifier"
parameters = {{ max_iter = 20 }}
"""


def write_table(file: Path, rows: int) -> None:
    """Write flights as Parquet or CSV."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv, parquet

    draw = np.random.default_rng(0)
    airports = np.array([f"{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}{n // 26}" for n in range(300)])
    shares = 1 / (20 + np.arange(300))
    airport_delay, carrier_delay = draw.normal(0, 0.4, 300), draw.normal(0, 0.4, 20)
    writer: Any = None
    for start in range(0, rows, _AT_ONCE):
        count = min(_AT_ONCE, rows - start)
        origin, destination = (draw.choice(300, count, p=shares / shares.sum()) for _ in range(2))
        carrier = draw.integers(0, 20, count)
        minutes = draw.integers(0, 2 * 365 * 24 * 60, count)
        distance, wind = draw.lognormal(6.5, 0.7, count).round(1), draw.gamma(2, 5, count).round(1)
        temperature, seats = draw.normal(12, 9, count).round(1), draw.integers(50, 400, count)
        score = airport_delay[origin] + airport_delay[destination] + carrier_delay[carrier] - 1.5 + wind / 20
        score += np.sin(minutes / 1440 * 2 * np.pi) * 0.3 + draw.logistic(0, 1, count)
        table = pa.table(
            {
                "flight": np.arange(start, start + count),
                "carrier": np.array([f"C{number:02}" for number in range(20)])[carrier],
                "origin": airports[origin],
                "destination": airports[destination],
                "scheduled": np.datetime64("2024-01-01T00:00:00") + minutes.astype("timedelta64[m]"),
                "distance": distance,
                "seats": seats,
                "temperature": pa.array(temperature, mask=draw.random(count) < 0.02),
                "wind": wind,
                "late": score > 0,
            }
        )
        if writer is None:
            make = csv.CSVWriter if file.suffix == ".csv" else parquet.ParquetWriter
            writer = make(str(file), table.schema)
        writer.write_table(table)
    writer.close()


def plain(file: Path) -> dict[str, float]:
    """What a person writes who needs the model once."""
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    frame = pd.read_csv(file, parse_dates=["scheduled"]) if file.suffix == ".csv" else pd.read_parquet(file)
    held_out = np.random.default_rng(1).random(len(frame)) < 0.2
    target = frame.pop("late").to_numpy()
    frame = frame.drop(columns="flight")
    times = frame.pop("scheduled").dt
    for part in ("year", "month", "day", "weekday", "hour"):
        frame[part] = getattr(times, part)
    for name in ("carrier", "origin", "destination"):
        frequent = frame[name].value_counts().index[:_LEVELS]
        frame[name] = frame[name].where(frame[name].isin(frequent), "other").astype("category")
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features="from_dtype", random_state=1)
    training, rest, judged = frame[~held_out], frame[held_out], target[held_out]
    del frame
    target = target[~held_out]
    folds = StratifiedKFold(3, shuffle=True, random_state=1)
    scores = cross_val_score(model, training, target, cv=folds, scoring="roc_auc")
    model.fit(training, target)
    area = roc_auc_score(judged, model.predict_proba(rest)[:, 1])
    return {"area": float(area), "area of folds": float(scores.mean())}


def plain_imports(_: Path) -> dict[str, float]:
    """What the plain script imports."""
    import pandas as pd  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import sklearn.ensemble
    import sklearn.metrics
    import sklearn.model_selection  # noqa: F401

    return {}


def ours(file: Path) -> dict[str, float]:
    """The same by a training from the command line, from the table to the version that serves."""
    from mlyard_training_pipeline import training
    from mlyard_training_pipeline.progress import Progress
    from mlyard_training_pipeline.settings import Settings
    from rich.console import Console

    spec = file.with_suffix(".toml")
    spec.write_text(_SPEC.format(file=file.name))
    steps: dict[str, float] = {}

    class Timed(Progress):
        @contextlib.contextmanager
        def step(self, name: str) -> Iterator[Any]:
            begun = _processor_time()
            with super().step(name) as shown:
                yield shown
            steps[f"step {name}"] = _processor_time() - begun

    settings = Settings(registry_uri=os.environ["MLFLOW_TRACKING_URI"], state=file.parent / "state")
    quiet = Console(file=io.StringIO(), soft_wrap=True, highlight=False)
    training.run(spec, settings, progress=Timed(steps=8, console=quiet))
    return steps


def ours_imports(_: Path) -> dict[str, float]:
    """What a training imports on its way, with the first look into the store."""
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
    import skops.io  # noqa: F401
    from mlyard_shared.registry import Registry
    from mlyard_training_pipeline import training  # noqa: F401
    from mlyard_training_pipeline.steps import evaluate, extract, gate, promote, register, train, validate  # noqa: F401

    Registry(os.environ["MLFLOW_TRACKING_URI"]).served_models()
    return {}


SIDES = {"plain": plain, "plain-imports": plain_imports, "ours": ours, "ours-imports": ours_imports}


def one_side(side: str, file: Path) -> None:
    """Print what a side found, and what it took."""
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    found = SIDES[side](file)
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps(found | {"seconds": _processor_time(), "memory": memory / 1024}))


def measure(side: str, file: Path) -> dict[str, float]:
    """Run one side in a process of its own, on one thread."""
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{file.parent / 'mlflow.db'}"
    command = [sys.executable, __file__, f"--side={side}", str(file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=file.parent, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(file: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Measure ours and the plain script; their seconds are those beside imports."""
    measure("ours-imports", file)  # makes the store's tables
    found = []
    for side in ("plain", "ours"):
        imported, whole = measure(f"{side}-imports", file), measure(side, file)
        found.append(whole | {"seconds": whole["seconds"] - imported["seconds"]})
    return found[1], found[0]


def report(sizes: list[int], *, suffix: str, steps: bool) -> Iterator[str]:
    """The lines of the report."""
    yield "| rows | ours | plain | ratio of CPU | ratio of memory |"
    yield "|---|---|---|---|---|"
    for rows in sizes:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
            file = Path(name, f"flights.{suffix}")
            write_table(file, rows)
            found = compare(file)
        seconds, memory = (found[0][key] / found[1][key] for key in ("seconds", "memory"))
        cells = (f"{one['seconds']:.1f} s, {one['memory']:.0f} MB" for one in found)
        yield f"| {rows:.0e} | {' | '.join(cells)} | {seconds:.2f} | {memory:.2f} |"
        if steps:
            told = (f"{key[5:]} {value:.1f} s" for key, value in found[0].items() if key.startswith("step "))
            yield f"    {', '.join(told)}"


def main() -> None:
    """Read the arguments, and print the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", type=float)
    for flag in ("csv", "large", "steps"):
        parser.add_argument(f"--{flag}", action="store_true")
    arguments = parser.parse_args()
    sizes = [int(count) for count in arguments.rows] or [*ROWS, *([LARGE] if arguments.large else [])]
    for line in report(sizes, suffix="csv" if arguments.csv else "parquet", steps=arguments.steps):
        print(line, flush=True)


def _processor_time() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1].startswith("--side="):
        one_side(sys.argv[1].removeprefix("--side="), Path(sys.argv[2]))
    else:
        main()
