import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_shared.manifest import file_digest
from mlyard_shared.pipelines import load_pipeline
from mlyard_training_pipeline.versions import skops_file

Fit = Callable[..., Any]
MAKE = """
import sys
from pathlib import Path
import numpy as np
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from mlyard_shared.schema import InputForm
from mlyard_training_pipeline.versions import skops_file

draw = np.random.default_rng(1)
X = draw.normal(size=(200, 4))
y = (X[:, 0] > 0).astype(int)
kept = [object() for _ in range(int(sys.argv[2]))]
models = {
    "forest": RandomForestClassifier(5, random_state=1, class_weight={0: 1.0, 1: 2.0}),
    "histogram": HistGradientBoostingClassifier(max_iter=3, random_state=1),
    "linear": LogisticRegression(),
    "network": MLPClassifier(max_iter=5, random_state=1),
    "vectors": SVC(),
}
for name, model in models.items():
    skops_file.write(make_pipeline(model).fit(X, y), Path(sys.argv[1], name))
skops_file.write(make_pipeline(SVC()).fit(sparse.csr_matrix(X), y), Path(sys.argv[1], "sparse"))
"""


@pytest.mark.long  # two trainings that register the same bytes show it of a forest
def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for number, seed in enumerate(("1", "77")):
        folder = tmp_path / seed
        folder.mkdir()
        command = [sys.executable, "-W", "ignore", "-c", MAKE, str(folder), str(10 + 100_000 * number)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed})
        digests.append({file.name: file_digest(file) for file in folder.iterdir()})
    assert len(digests[0]) == 6
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "path",
    [
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.ensemble.GradientBoostingRegressor",
        "sklearn.linear_model.TweedieRegressor",
        "sklearn.svm.SVR",
    ],
)
def test_what_is_written_answers_as_before(fitted: Fit, tmp_path: Path, path: str) -> None:
    made = fitted(path)
    assert skops_file.write(made.pipeline, tmp_path / "model.skops") == ()
    loaded = load_pipeline(tmp_path / "model.skops")
    assert (loaded.predict(made.rows.matrix) == made.pipeline.predict(made.rows.matrix)).all()


def test_nothing_of_memory_or_time_is_in_the_file(fitted: Fit, tmp_path: Path) -> None:
    made = fitted("sklearn.tree.DecisionTreeClassifier")
    skops_file.write(made.pipeline, tmp_path / "model.skops")
    with zipfile.ZipFile(tmp_path / "model.skops") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        members = [name for name in archive.namelist() if name != "schema.json"]
        assert members == [f"{number}.npy" for number in range(len(members))]
        contents = [archive.read(name) for name in members]
    nodes = next(content for content in contents if b"missing_go_to_left" in content[:1000])
    array = np.load(io.BytesIO(nodes))
    own = sum(array.dtype[field].itemsize for field in array.dtype.names)
    assert own < array.dtype.itemsize
    # As bytes, since NumPy leaves what lies between fields as it was in memory.
    stored = np.frombuffer(nodes[-array.nbytes :], dtype=np.uint8).reshape(len(array), -1)
    assert not stored[:, own:].any()


def test_types_that_the_api_does_not_load_are_told(tmp_path: Path) -> None:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.linear_model import LinearRegression

    odd = TransformedTargetRegressor(LinearRegression(), func=os.path.join, inverse_func=os.path.split)
    assert skops_file.write(odd, tmp_path / "model.skops") == ("posixpath.join", "posixpath.split")
