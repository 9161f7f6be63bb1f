"""A whole training on real disks that get full at any of its steps, and again when there is space."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mlyard_shared.errors import MlyardError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline import training
from mlyard_training_pipeline.failures import sentence
from mlyard_training_pipeline.tracking.context import Context

from .volumes import mounted

Train = Callable[[Path], str]
FOREST = {"name": "forest", "estimator": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 20}}


@pytest.fixture
def train(context: Context, spec: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path) -> Train:
    """Trains with this folder of state, and returns the sentence on why that failed, or nothing."""
    file = written(tmp_path / "specs", spec(name=tmp_path.name.lower(), candidates=[FOREST]))

    def begin(state: Path) -> str:
        try:
            training.run(file, context.settings.model_copy(update={"state": state}))
        except (MlyardError, OSError) as error:
            return sentence(error) or repr(error)
        return ""

    return begin


@pytest.mark.parametrize(
    "kilobytes",
    [
        pytest.param(4, id="snapshot"),
        pytest.param(12, id="Dataset", marks=pytest.mark.long),
        pytest.param(24, id="its last file", marks=pytest.mark.long),
    ],
)
def test_a_full_folder_of_state_is_named_and_nothing_is_left_half_written(
    train: Train, tmp_path: Path, kilobytes: int
) -> None:
    with mounted(tmp_path / "volume", size=f"{kilobytes}k") as volume:
        assert train(volume / "state") == (
            f"cannot write into {volume}/state/snapshots (its disk is full): free space there, "
            "or set MLYARD_TRAINING_PIPELINE_STATE to another place"
        )
        assert {path.suffix for path in (volume / "state/snapshots").iterdir()} <= {".parquet"}
        assert train(tmp_path / "larger") == ""


@pytest.mark.parametrize("kilobytes", [*(pytest.param(size, marks=pytest.mark.long) for size in (4, 48, 200)), 400])
def test_a_full_disk_of_temporary_files_is_named(
    train: Train, tmp_path: Path, kilobytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path / "volume", size=f"{kilobytes}k") as volume:
        monkeypatch.setattr(tempfile, "tempdir", str(volume))
        said = train(tmp_path / "state")
        assert said == (
            f"cannot write into {volume} (its disk is full): free space there, or set TMPDIR to another place"
        )
        assert list(volume.iterdir()) == []
