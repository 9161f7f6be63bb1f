"""Try many settings of a candidate, within the time that there is."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mlyard_shared.metrics import METRICS
from mlyard_shared.spec import Candidate
from mlyard_shared.spec.search import Range

from mlyard_training_pipeline.candidates.estimators import SEED
from mlyard_training_pipeline.candidates.out_of_fold import FoldScores
from mlyard_training_pipeline.candidates.search import settings
from mlyard_training_pipeline.candidates.search.bench import Bench, Result
from mlyard_training_pipeline.candidates.search.budget import Budget
from mlyard_training_pipeline.candidates.search.settings import Setting

_TRIALS = 50
"""Of Optuna, where the spec gives lists alone and no number."""


def one_by_one(
    bench: Bench, numbered: Iterable[tuple[int, Setting]], budget: Budget, scores: FoldScores, *, at_least: int = 1
) -> Iterator[Result]:
    """Try settings in their order; so many whatever the budget says."""
    for position, (number, setting) in enumerate(numbered):
        if position >= at_least and not budget.allows():
            return
        result = bench.evaluate(number, setting, scores)
        budget.took(result.seconds)
        yield result


def rung(bench: Bench, number: int, earlier: Sequence[Result], budget: Budget, scores: FoldScores) -> list[Result]:
    """Try the best settings of the rungs before on more rows; the first rung tries all of them on the fewest.

    Args:
        bench: the candidate.
        number: of the rung, from 0.
        earlier: the results of the rungs before.
        budget: a rung ends so early that there is time for the last one's first setting, which always runs.
        scores: what scores folds.
    """
    every, rungs = settings.settings_of(bench.candidate), bench.candidate.rungs
    share, is_last = settings.share(number, rungs), number == rungs - 1
    found: list[Result] = []
    for result in earlier:
        budget.took(result.seconds, result.share)
    for place in _chosen(bench, number, earlier, len(every)):
        is_needed = not found and (is_last or not earlier)
        if not is_needed and not budget.allows(share if is_last else share + 1.0):
            break
        result = bench.evaluate(place, every[place], scores, share=share)
        budget.took(result.seconds, share)
        found.append(result)
    return found


def _chosen(bench: Bench, number: int, earlier: Sequence[Result], count: int) -> list[int]:
    """The settings of a rung, the best ones first: those on the most rows are known best."""
    if number == 0:
        return list(range(count))
    metric = bench.spec.metric
    most = max(result.share for result in earlier)
    ranked = sorted(
        (result for result in earlier if result.share == most),
        key=lambda result: (-METRICS[metric].value(result.mean(metric)), result.number),
    )
    return [result.number for result in ranked[: settings.kept(number, count)]]


def study(bench: Bench, budget: Budget, scores: FoldScores) -> Iterator[Result]:
    """Let Optuna choose setting after setting, with a seed of its own that is always the same."""
    import optuna

    metric, candidate = METRICS[bench.spec.metric], bench.candidate
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    made = optuna.create_study(
        direction="minimize" if metric.negated else "maximize", sampler=optuna.samplers.TPESampler(seed=SEED)
    )
    for number in range(candidate.trials or _TRIALS):
        if number > 0 and not budget.allows():
            return
        trial = made.ask()
        result = bench.evaluate(number, _suggested(trial, candidate), scores)
        made.tell(trial, result.mean(bench.spec.metric))
        budget.took(result.seconds)
        yield result


def _suggested(trial: Any, candidate: Candidate) -> Setting:
    found: Setting = {}
    for name, values in candidate.grid.items():
        # By position, since lists and tables are no choices to Optuna.
        found[name] = values[trial.suggest_categorical(name, list(range(len(values))))]
    for name, limits in candidate.ranges.items():
        found[name] = _number(trial, name, limits)
    return found


def _number(trial: Any, name: str, limits: Range) -> int | float:
    if isinstance(limits.low, int) and isinstance(limits.high, int):
        return int(trial.suggest_int(name, limits.low, limits.high, log=limits.log))
    return float(trial.suggest_float(name, limits.low, limits.high, log=limits.log))
