"""A fitted pipeline as the files of its candidate's run: from one step to the next, and into the version.

scikit-learn's is one skops file. Of one that holds an estimator of another package only ONNX leaves the process that
fitted it: the twin of the whole, which was compared with it there, and in skops what comes before the estimator. A
booster's own file is kept beside them, and never read: those formats are not safe to load.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlyard_shared.contract import Contract
from mlyard_shared.decision import Decision
from mlyard_shared.errors import TrainingError
from mlyard_shared.features import Array
from mlyard_shared.manifest import ONNX_FILE, EngineFile, OnnxParity
from mlyard_shared.manifest.current import TargetTransform
from mlyard_shared.metrics import Task
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.spec import Candidate

from mlyard_training_pipeline.candidates import origins, predictions, targets
from mlyard_training_pipeline.candidates.predictions import DECISION, Predictions
from mlyard_training_pipeline.tracking.names import PIPELINE_FILE
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx import comparison, composites, session
from mlyard_training_pipeline.versions.onnx.comparison import Rows
from mlyard_training_pipeline.versions.onnx.graph import INPUT

FACTS_FILE = "fitted.json"


class Facts(Contract):
    """What is known of a pipeline whose estimator is of another package than scikit-learn.

    `boosters` are the boosters' own files, `packages` what made them, by distribution.
    """

    parity: OnnxParity
    boosters: tuple[EngineFile, ...] = ()
    packages: dict[str, str] = {}
    probabilities: bool = False
    target_transform: TargetTransform | None = None


def write(
    pipeline: Any,
    folder: Path,
    candidate: Candidate,
    *,
    task: Task,
    rows: Callable[[], Rows],
    scale: float,
    rule: Decision | None = None,
) -> tuple[Path, ...]:
    """Write a fitted pipeline into a folder, and return the files.

    Args:
        pipeline: preprocessing, then one estimator.
        folder: where they go.
        candidate: what it was made of.
        task: what it answers.
        rows: makes real rows to compare a twin on.
        scale: the standard deviation of a regression's target.
        rule: makes labels of probabilities.

    Raises:
        TrainingError: it holds types that the API does not load, or its twin answers otherwise than it does.
    """
    file = folder / PIPELINE_FILE
    others = [part for part in _parts(pipeline[-1]) if origins.package_of(part) != "sklearn"]
    if not others:
        _write_skops(pipeline, file, candidate)
        return (file,)
    _write_skops(pipeline[:-1], file, candidate)
    twin = folder / ONNX_FILE
    made = comparison.make_twin(None, twin, pipeline, rows(), task=task, scale=scale, rule=rule or DECISION)
    if made.parity is None or made.refused is not None:
        raise TrainingError(
            f"candidate {candidate.name} ({candidate.estimator}) has no ONNX twin, without which nothing can serve it: "
            f"{made.refused}"
        )
    boosters = tuple(_write_booster(part, folder, number) for number, part in enumerate(others, start=1))
    facts = Facts(
        parity=made.parity,
        boosters=tuple(engine for engine in boosters if engine is not None),
        packages=dict(found for part in others if (found := origins.distribution(origins.package_of(part)))),
        probabilities=hasattr(pipeline, "predict_proba"),
        target_transform=targets.declared(candidate, pipeline[-1]),
    )
    (folder / FACTS_FILE).write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return (file, twin, folder / FACTS_FILE, *(folder / engine.file for engine in facts.boosters))


def facts(folder: Path) -> Facts | None:
    """What is known of the pipeline in a folder; None of one that is scikit-learn's."""
    file = folder / FACTS_FILE
    return Facts.model_validate_json(file.read_bytes()) if file.is_file() else None


def predict(folder: Path, matrix: Array, *, task: Task, rule: Decision | None = DECISION) -> Predictions:
    """The answers of the pipeline in a folder, as the API would have them.

    Raises:
        ModelVersionRefused: its file cannot be loaded.
    """
    if facts(folder) is not None:
        return session.predict(folder / ONNX_FILE, {INPUT: matrix}, task=task, rule=rule)
    return predictions.predict(load_pipeline(folder / PIPELINE_FILE), matrix, task=task, rule=rule)


def _parts(model: Any) -> Iterator[Any]:
    yield model
    for part in composites.all_parts(model):
        yield from _parts(part)


def _write_skops(pipeline: Any, file: Path, candidate: Candidate) -> None:
    untrusted = skops_file.write(pipeline, file)
    if untrusted:
        raise TrainingError(
            f"candidate {candidate.name} ({candidate.estimator}) holds types that the API does not load: "
            f"{', '.join(untrusted)}; choose another estimator"
        )


def _write_booster(model: Any, folder: Path, number: int) -> EngineFile | None:
    package = origins.package_of(model)
    if package == "lightgbm":
        name = f"booster-{number}.lightgbm.txt"
        (folder / name).write_text(model.booster_.model_to_string(), encoding="utf-8")
        return EngineFile(kind="lightgbm", file=name, whole=False)
    if package == "xgboost":
        name = f"booster-{number}.xgboost.ubj"
        (folder / name).write_bytes(model.get_booster().save_raw("ubj"))
        return EngineFile(kind="xgboost", file=name, whole=False)
    return None
