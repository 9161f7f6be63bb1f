"""What extract and validate take of a CSV file, beside PyArrow that reads the same file and writes it as Parquet.

    hatch run training-pipeline:python tests/benchmarks/dataset.py [ROWS ...]

The tables have 10 columns (an id, integers, floats, categories, dates, booleans) and by default 1e5, 1e6 and 1e7 rows,
for which a gigabyte is needed below TMPDIR. Each measurement has a process of its own: the processor's seconds from
before to after, imports not counted, and the most memory that the process had. The upload is not in it.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS = (100_000, 1_000_000, 10_000_000)
_AT_ONCE = 100_000


def write_table(file: Path, rows: int) -> None:
    """Write a table of which nothing repeats but what should."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    draw = np.random.default_rng(0)
    with file.open("wb") as stream:
        for start in range(0, rows, _AT_ONCE):
            count = min(_AT_ONCE, rows - start)
            seconds = draw.integers(0, 10**8, count).astype("timedelta64[s]")
            columns: dict[str, Any] = {
                "id": np.arange(start, start + count),
                "count": draw.integers(0, 1000, count),
                "large": draw.integers(0, 10**9, count),
                "size": draw.normal(50, 20, count).round(3),
                "price": draw.lognormal(3, 1, count).round(2),
                "ratio": draw.random(count),
                "colour": draw.choice(["red", "green", "blue", "yellow", "black"], count),
                "city": draw.choice([f"city {number}" for number in range(100)], count),
                "seen": np.datetime_as_string(np.datetime64("2024-01-01T00:00:00") + seconds),
                "kind": draw.random(count) < 0.5,
            }
            options = csv.WriteOptions(include_header=start == 0)
            csv.write_csv(pa.table(columns), stream, options)


def arrow(file: Path, folder: Path) -> None:
    """What PyArrow does with the file, types inferred and defaults kept."""
    from pyarrow import csv, parquet

    _measured(lambda: parquet.write_table(csv.read_csv(file), folder / "arrow.parquet"))


def ours(file: Path, folder: Path) -> None:
    """What extract and validate do with the file, but for the upload and the candidates."""
    from mlyard_shared.spec import ModelSpec
    from mlyard_training_pipeline.data import encoding, sources
    from mlyard_training_pipeline.data.dataset import store

    candidate = {"name": "only", "estimator": "sklearn.linear_model.LogisticRegression"}
    spec = ModelSpec.model_validate(
        {
            "version": 1,
            "name": "benchmark",
            "task": "classification",
            "target": "kind",
            "metric": "accuracy",
            "key": ["id"],
            "source": {"path": file.name},
            "candidates": [candidate],
        }
    )
    snapshot, arrays = folder / "snapshot.parquet", folder / "dataset"
    arrays.mkdir()
    _measured(
        lambda: encoding.write(sources.open_table(spec, file.parent, {}), snapshot),
        lambda: store.make(snapshot, arrays, spec),
    )


def _measured(*steps: Any) -> None:
    """Print the seconds of each step, and the memory of the process in MB."""
    seconds = []
    for step in steps:
        begun = time.process_time()
        step()
        seconds.append(time.process_time() - begun)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(" ".join([*(f"{second:.2f}" for second in seconds), f"{memory:.0f}"]))


def main(rows: list[int]) -> None:
    """Measure tables of so many rows, and print a line for each."""
    heads = ("rows", "Arrow s", "extract s", "validate s", "ratio", "Arrow MB", "ours MB")
    _tell(*heads)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        for count in rows:
            file = Path(name, f"{count}.csv")
            write_table(file, count)
            found = []
            for side in ("arrow", "ours"):
                with tempfile.TemporaryDirectory(dir=name) as folder:
                    command = [sys.executable, __file__, side, str(file), folder]
                    found.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
            file.unlink()
            (base, base_memory), (extract, validate, memory) = found
            ratio = (float(extract) + float(validate)) / float(base)
            _tell(str(count), base, extract, validate, f"{ratio:.2f}", base_memory, memory)


def _tell(*cells: str) -> None:
    sys.stdout.write(" ".join(f"{cell:>10}" for cell in cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] in (["arrow"], ["ours"]):
        {"arrow": arrow, "ours": ours}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main([int(float(text)) for text in sys.argv[1:]] or list(ROWS))
