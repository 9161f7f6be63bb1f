"""The database of the registry is kept and its artifacts are lost: the next training repairs what it needs."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlyard_shared.errors import ArtifactMissing, RegistryUnavailable
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline import training
from mlyard_training_pipeline.data import snapshots
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.steps.extract import extract
from mlyard_training_pipeline.steps.train import train
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import PIPELINE_FILE
from rich.console import Console

Spec = Callable[..., ModelSpec]
Written = Callable[..., Path]


def run(context: Context, file: Path) -> str:
    """Train a spec and return what was printed."""
    output = io.StringIO()
    shown = Progress(steps=9, console=Console(file=output, soft_wrap=True, highlight=False))
    training.run(file, context.settings, progress=shown)
    return output.getvalue()


@pytest.fixture
def lose(context: Context) -> Callable[[str], None]:
    """Lose every artifact of a model, and the local cache of its tables."""

    def lost(model: str) -> None:
        for experiment in (context.tracking.experiment(model), context.tracking.table_experiment(model)):
            (run, *_) = context.tracking.search(experiment)
            shutil.rmtree(Path(run.info.artifact_uri).parents[1])
        shutil.rmtree(context.settings.snapshots)

    return lost


def test_a_lost_table_is_stored_again_in_the_run_that_had_it(
    context: Context, regression: Spec, written: Written, lose: Callable[[str], None], tmp_path: Path
) -> None:
    file = written(tmp_path / "specs", regression(name="lost-table"))
    first = extract(context, file, run_key="manual__1")
    lose("lost-table")
    with pytest.raises(ArtifactMissing, match=r"has lost snapshot\.parquet of run"):
        snapshots.fetch(context, first.snapshot)
    second = extract(context, file, run_key="manual__2")
    assert second.snapshot == first.snapshot
    shutil.rmtree(context.settings.snapshots)
    assert snapshots.fetch(context, first.snapshot).is_file()


def test_a_table_whose_storing_was_cut_short_is_stored_in_the_run_that_had_begun(
    context: Context, regression: Spec, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    file = written(tmp_path / "specs", regression(name="cut-short"))
    with monkeypatch.context() as patch:
        patch.setattr(context.tracking, "end", interrupted)
        with pytest.raises(KeyboardInterrupt):
            extract(context, file, run_key="manual__1")
    extract(context, file, run_key="manual__1")
    stored = context.tracking.snapshots("cut-short")
    assert [found.info.status for found in stored] == ["FINISHED"]


def test_a_candidate_whose_file_is_lost_is_trained_again(
    context: Context, regression: Spec, written: Written, lose: Callable[[str], None], tmp_path: Path
) -> None:
    file = written(tmp_path / "specs", regression(name="lost-candidate"))
    first = train(context, extract(context, file, run_key="manual__1"), "ridge")
    lose("lost-candidate")
    again = train(context, extract(context, file, run_key="manual__1"), "ridge")
    assert again.run_id != first.run_id
    assert again.score == first.score
    assert context.tracking.has_artifact(again.run_id, PIPELINE_FILE)


@pytest.mark.long
def test_a_champion_whose_files_are_lost_is_held_until_the_spec_lets_it_be_replaced(
    context: Context, regression: Spec, written: Written, lose: Callable[[str], None], tmp_path: Path
) -> None:
    run(context, written(tmp_path / "specs", regression(name="lost-champion")))
    lose("lost-champion")
    held = run(context, written(tmp_path / "specs", regression(name="lost-champion")))
    assert "champion 1 cannot be compared with it: the registry at" in held
    assert "has lost the files of version 1 of lost-champion; to replace it all the same, set gate.unjudged" in held
    champion = context.registry.find("lost-champion", "champion")
    assert champion is not None
    assert champion.version == 1
    gate = {"unjudged": "replace", "minimum": 1000.0}
    assert "gate passed" in run(context, written(tmp_path / "specs", regression(name="lost-champion", gate=gate)))
    champion = context.registry.find("lost-champion", "champion")
    assert champion is not None
    assert champion.version == 3


@pytest.mark.long
def test_a_registry_that_is_away_does_not_replace_a_champion(
    context: Context, regression: Spec, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = {"unjudged": "replace", "minimum": 1000.0}
    file = written(tmp_path / "specs", regression(name="away", gate=gate))
    run(context, file)

    def away(*_: object) -> None:
        raise RegistryUnavailable("http://r:5000", "it answers 503")

    monkeypatch.setattr("mlyard_shared.registry.client.Registry.download", away)
    with pytest.raises(RegistryUnavailable):
        run(context, file)
    champion = context.registry.find("away", "champion")
    assert champion is not None
    assert champion.version == 1
