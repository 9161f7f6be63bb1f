"""What one step hands to the next: references into MLflow, small enough for any orchestrator, and never data."""

from typing import Any, Literal

from mlyard_shared.contract import Contract
from mlyard_shared.decision import Decision
from mlyard_shared.gate import Condition, Gain
from mlyard_shared.manifest import CONTRACT_VERSION, HoldoutRule
from mlyard_shared.manifest.current import Conformal
from mlyard_shared.snapshot import Snapshot

from mlyard_training_pipeline.tracking.names import PIPELINE_FILE


class TrainingRun(Contract):
    """A training: the parent run in the experiment that is named as the model, and what it trains on.

    `contract` is the one of model versions that its own is written by, which also says how rows are held out.
    """

    model: str
    run_id: str
    snapshot: Snapshot
    contract: Literal[1, 2] = CONTRACT_VERSION


class SearchPart(Contract):
    """Some of a candidate's settings, by their numbers: from `first` on, before `end`."""

    candidate: str
    first: int
    end: int


class Imported(Contract):
    """That a pipeline was fitted elsewhere: whether it may have seen the rows held out, as a condition of the gate.

    `held_out` is the rule of those that it cannot have seen, where that is not the spec's.
    """

    origin: Condition
    held_out: HoldoutRule | None = None


class CandidateRun(Contract):
    """A candidate's own run: its mean score over the folds, in the metric's own sign, with its best parameters.

    `decision` makes labels of its probabilities, `conformal` says how far from its answers the truth may lie, `files`
    are the artifacts of its run that hold the fitted pipeline, and `seconds` is what the folds took together.
    One that was `imported` has been through no folds, and its score is 0.
    """

    candidate: str
    run_id: str
    score: float
    deviation: float
    parameters: dict[str, Any] = {}
    decision: Decision | None = None
    conformal: Conformal | None = None
    files: tuple[str, ...] = (PIPELINE_FILE,)
    seconds: float = 0.0
    imported: Imported | None = None


class Evaluation(Contract):
    """The winner and the champion, on the same rows that neither was trained on.

    `metrics` are the winner's, over its whole holdout, `errors` their standard errors, and `standard_error` is that of
    the one that decides. `candidates` are all that were compared, and `drawn` says what the gain's interval draws.
    `not_comparable` says why a champion has no score, `shortage` what there are too few rows of to judge by, `uses` how
    many trainings looked at this holdout, this one included, and `conditions` how the winner stands to what its spec
    asks beside the champion.
    """

    winner: CandidateRun
    score: float
    champion_version: int | None
    champion_score: float | None
    gain: Gain | None = None
    drawn: str | None = None
    not_comparable: str | None
    shortage: str | None = None
    holdout_rows: int
    metrics: dict[str, float]
    standard_error: float = 0.0
    uses: int = 1
    conditions: tuple[Condition, ...] = ()
    candidates: tuple[CandidateRun, ...] = ()
    errors: dict[str, float] = {}
