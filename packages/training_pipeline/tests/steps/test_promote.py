from collections.abc import Callable
from pathlib import Path

import pytest
from mlyard_shared.errors import TrainingError
from mlyard_shared.gate import GateReport
from mlyard_shared.snapshot import Snapshot
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline import training
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.steps.promote import promote
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun
from rich.console import Console


def test_a_verdict_against_a_champion_of_before_promotes_nothing(
    context: Context, regression: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path
) -> None:
    file = written(tmp_path, regression(name="overtaken"))
    for _ in range(2):
        training.run(file, context.settings, progress=Progress(steps=9, console=Console(quiet=True)))
    champion, challenger = (context.registry.find("overtaken", alias) for alias in ("champion", "challenger"))
    assert champion is not None
    assert challenger is not None
    report = context.tracking.fetch(champion.run_id, "gate.json", tmp_path)
    first = GateReport.model_validate_json(report.read_text())
    taken = Snapshot(sha256="0" * 64, run_id="s", rows=1, taken_at=champion.created_at)
    run = TrainingRun(model="overtaken", run_id=challenger.run_id, snapshot=taken)
    with pytest.raises(TrainingError, match="has become the champion since the gate compared"):
        promote(context, run, challenger, first, actor="test")
    assert context.registry.find("overtaken", "champion") == champion
