"""Makes the golden versions of contract 1 with version 0.2.0's own code, and records its own answers.

    git archive 28842ce | tar -x -C TREE
    PYTHONPATH=TREE/packages/shared/src:TREE/packages/training_pipeline/src PYTHON make_contract1.py versions
    PYTHONPATH=TREE/packages/shared/src:TREE/packages/model_api/src PYTHON make_contract1.py answers

The first PYTHON is that of the environment `training-pipeline`, the second that of `model-api`. Each version is a whole
folder as it lies in the registry, packed, since skops writes much JSON; beside it are requests, and what 0.2.0
answered to them, without the ids.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("contract1")
ROWS = 240
SEED = 3
"""Of the table: here the forest's twin differs from the forest."""

COMMON = """
version = 1
key = ["id"]
folds = 3

[source]
path = "table.csv"
"""
SPECS = {
    # A linear classifier over every kind of column, with a twin.
    "mixed": """
name = "mixed"
task = "classification"
target = "kind"
metric = "accuracy"
{common}
[features]
leave_out = ["amount", "again"]
unseen = {{ colour = "accept" }}

[features.dates]
seen = ["year", "weekday", "hour", "days_since_epoch"]

[[candidates]]
name = "logistic"
estimator = "sklearn.linear_model.LogisticRegression"
parameters = {{ max_iter = 2000 }}
""",
    # Trees, in float32 in the twin and in scikit-learn, over numbers, dates and categories.
    "amount": """
name = "amount"
task = "regression"
target = "amount"
metric = "rmse"
{common}
[features]
leave_out = ["kind", "again"]

[[candidates]]
name = "boosted"
estimator = "sklearn.ensemble.GradientBoostingRegressor"
parameters = {{ n_estimators = 5, max_depth = 2 }}
""",
    # A forest whose twin gave other labels where trees tie, and was refused for it; the classes are booleans.
    "again": """
name = "again"
task = "classification"
target = "again"
metric = "accuracy"
{common}
[features]
use = ["count", "new", "colour"]
unseen = {{ colour = "accept" }}

[holdout]
fraction = 0.5

[[candidates]]
name = "forest"
estimator = "sklearn.ensemble.RandomForestClassifier"
parameters = {{ n_estimators = 7 }}
""",
}


def table() -> dict[str, list[str]]:
    """Texts of a CSV file: every type, with nulls, and three targets that depend on them."""
    draw = np.random.default_rng(SEED)
    size = draw.normal(50, 20, ROWS).round(3)
    colour = draw.choice(["red", "grün", "blue"], ROWS)
    moments = np.datetime64("2024-01-01T00:00:00") + draw.integers(0, 30_000_000, ROWS).astype("timedelta64[s]")
    count = draw.integers(0, 8, ROWS)
    new = draw.random(ROWS) < 0.5

    def with_nulls(values: Any) -> list[str]:
        return ["" if hide else str(value) for value, hide in zip(values, draw.random(ROWS) < 0.1, strict=True)]

    amount = size * 3 + (colour == "red") * 20 + draw.normal(0, 1, ROWS)
    return {
        "id": [str(row) for row in range(ROWS)],
        "size": with_nulls(size),
        "count": [str(value) for value in count],
        "new": with_nulls([str(value).lower() for value in new]),
        "colour": with_nulls(colour),
        "region": list(draw.choice(["north", "south"], ROWS)),
        "seen": with_nulls([f"{moment}+02:00" for moment in moments]),
        "kind": [("small", "middle", "large")[int(np.digitize(value, [130, 190]))] for value in amount],
        "amount": [str(value) for value in amount.round(4)],
        "again": [str(value).lower() for value in (count + 3 * new + draw.normal(0, 2, ROWS)) > 5],
    }


def make_versions() -> None:
    """Train each spec with 0.2.0's command, and keep the champion's files."""
    with tempfile.TemporaryDirectory() as name:
        # A store without a server puts artifacts below the folder that it is first opened in.
        os.chdir(name)
        uri = f"sqlite:///{name}/mlflow.db"
        variables = {"MLYARD_TRAINING_PIPELINE_REGISTRY_URI": uri, "MLFLOW_TRACKING_URI": uri}
        os.environ |= variables
        from mlyard_shared.registry import Registry

        registry = Registry(uri)
        columns = table()
        with Path("table.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        for model, text in SPECS.items():
            Path("spec.toml").write_text(text.format(common=COMMON).strip() + "\n", encoding="utf-8")
            subprocess.run([sys.executable, "-m", "mlyard_training_pipeline", "run", "spec.toml"], check=True)
            champion = registry.find(model, "champion")
            assert champion is not None
            files = Path(name, "files", model)
            files.mkdir(parents=True)
            registry.download(champion, files)
            pack(files, FOLDER / f"{model}.zip")


def pack(folder: Path, archive: Path) -> None:
    """Pack a folder's files, without their times."""
    archive.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive, "w") as packed:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            packed.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)


def requests(schema: Any) -> Iterator[dict[str, Any]]:
    """Rows of the table by rows and by columns, then one odd or wrong cell at a time."""
    columns, kinds = table(), {column.name: column.type for column in schema.columns}
    read: dict[str, Callable[[str], Any]] = {"integer": int, "number": float, "boolean": lambda text: text == "true"}
    rows = [
        {name: read.get(kind, str)(columns[name][row]) if columns[name][row] else None for name, kind in kinds.items()}
        for row in range(60)
    ]
    yield {"rows": rows}
    yield {"columns": {name: [row[name] for row in rows[:5]] for name in kinds}}
    for name, kind in kinds.items():
        for value in ODD[kind]:
            yield {"rows": [rows[0], {**rows[1], name: value}]}
    yield {"rows": [{"more": 1, **rows[0]}]}
    yield {"rows": [{name: value for name, value in rows[0].items() if name != "count"}]}


ODD: dict[str, list[Any]] = {
    "integer": [None, 2**53, -(2**53), 2**53 + 1, 1.0, "1", True],
    "number": [None, 3, 3.4028234663852886e38, 3.4028235677973366e38, 1e39, 10**400, "3"],
    "boolean": [None, True, False, 1, "true"],
    "category": [None, "<missing>", "", "unseen", "gru\u0308n", "x" * 10_001, "a\0", "\ud800", 1],
    "datetime": [
        None, "2024-05-06", "2024-05-06 07:08", "2024-05-06T07:08:09.123456789Z", "2024-05-06T07:08:09+05:30",
        "0001-01-01", "9999-12-31T23:59:59.999999", "2024-05-06T07:08:09+0100", "2024-05-06T07:08:09+01", "2024-02-30",
        "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-01:00", "", 20240506,
    ],
}  # fmt: skip


def make_answers() -> None:
    """Ask 0.2.0's API, in process."""
    from mlyard_shared.errors import MlyardError
    from mlyard_shared.manifest import MANIFEST_FILE, file_digest

    prediction, version, errors = (
        import_module(f"mlyard_model_api.{name}") for name in ("prediction", "version", "errors")
    )
    for model in SPECS:
        folder = Path(tempfile.mkdtemp())
        with zipfile.ZipFile(FOLDER / f"{model}.zip") as packed:
            packed.extractall(folder)
        reference = version.Reference(name=model, version=1, digest=file_digest(folder / MANIFEST_FILE))
        served = version.load(folder, reference, version.verify(folder, reference))
        answers = []
        for request in requests(served.manifest.input_schema):
            body = json.dumps(request).encode()
            try:
                document = json.loads(prediction.answer(served, body, max_rows=1000))
                told = [[row["prediction"], row["probabilities"]] for row in document["predictions"]]
                answers.append({"request": request, "status": 200, "predictions": told})
            except MlyardError as error:
                told = [[problem.code, problem.row, problem.column] for problem in errors.problems(error)]
                answers.append({"request": request, "status": errors.STATUS[type(error)][0], "problems": told})
        content = {"engine": served.engine.name, "digest": reference.digest, "answers": answers}
        (FOLDER / f"{model}.answers.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    {"versions": make_versions, "answers": make_answers}[sys.argv[1]]()
