"""What a spec asks of a candidate beside the champion: calibration, floors for segments, and fairness."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.gate import Condition, Outcome, ValueScore
from mlyard_shared.metrics import METRICS
from mlyard_shared.spec import ModelSpec
from mlyard_shared.spec.gate import Fairness, Segments

from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.judging import calibration
from mlyard_training_pipeline.judging.rows import Judged

_SHOWN = 5
"""Values that a sentence names."""

_MOST_VALUES = 500
"""Of a column whose values are judged apart."""

Parts = list[tuple[str, Array]]
"""Each value of a column, and which rows have it."""


class Subject(NamedTuple):
    """A candidate on its holdout; `texts` gives the values of a column of the table for the same rows."""

    spec: ModelSpec
    judged: Judged
    found: Predictions
    measures: Measures
    texts: Callable[[str], Array]


def conditions(subject: Subject) -> tuple[Condition, ...]:
    """How each condition of the spec's gate went."""
    gate = subject.spec.gate
    met: list[Condition] = []
    if gate.calibration is not None:
        met.append(_calibration(subject, gate.calibration))
    if (segments := gate.segments) is not None:
        met.append(_apart(subject, "segments", segments.column, lambda parts: _segments(subject, segments, parts)))
    if (fairness := gate.fairness) is not None:
        met.append(_apart(subject, "fairness", fairness.column, lambda parts: _fairness(subject, fairness, parts)))
    return tuple(met)


def _calibration(subject: Subject, limit: float) -> Condition:
    judged, found = subject.judged, subject.found
    rows = len(judged.truth)
    if found.probabilities is None:
        return Condition(name="calibration", outcome="not passed", reason="there are no probabilities to be calibrated")
    if rows < calibration.LEAST_ROWS:
        reason = f"calibration: only {rows} rows were held out, and {calibration.LEAST_ROWS} are needed"
        return Condition(name="calibration", outcome="unknown", reason=reason)
    error = calibration.error(judged.truth, scoring.shares(found.probabilities), judged.weight)
    met = error <= limit
    relation = "is within" if met else "is above"
    reason = f"the calibration error {error:.2g} {relation} gate.calibration = {limit:g}"
    return Condition(name="calibration", outcome="passed" if met else "not passed", reason=reason)


def _segments(subject: Subject, asked: Segments, parts: Parts) -> Condition:
    spec, judged, measures = subject.spec, subject.judged, subject.measures
    metric, few, judged_values = METRICS[spec.metric], [], []
    for value, rows in parts:
        part = judged.of(rows)
        if rows.sum() < asked.rows:
            few.append(f"{value} ({rows.sum()})")
            continue
        try:
            score = scoring.score(spec.metric, part.truth, subject.found.of(rows), measures, part.weights)
        except ValueError:  # an area under the curve where a class is missing
            few.append(f"{value} ({rows.sum()}, not of every class)")
            continue
        judged_values.append(ValueScore(value=value, rows=int(rows.sum()), score=score))
    below = [
        f"{one.value} with {one.score:.4g}"
        for one in judged_values
        if metric.gain(candidate=one.score, champion=asked.minimum) < 0
    ]
    where = f"{spec.metric} by {asked.column}"
    outcome: Outcome = "not passed" if below else "unknown" if few else "passed"
    if below:
        reason = f"{where}: {_listed(below)} miss{'es' if len(below) == 1 else ''} the required {asked.minimum:g}"
    elif few:
        reason = f"{where}: too few rows held out of {_listed(few)}, and gate.segments.rows = {asked.rows} are needed"
    else:
        reason = f"{where}: each of {len(judged_values)} values reaches the required {asked.minimum:g}"
    return Condition(name="segments", outcome=outcome, reason=reason, column=asked.column, values=tuple(judged_values))


def _fairness(subject: Subject, asked: Fairness, parts: Parts) -> Condition:
    positive = 1 if subject.measures.positive is None else subject.measures.positive
    said, true = subject.found.labels == positive, subject.judged.truth == positive
    weight = subject.judged.weight
    outcomes: list[Outcome] = []
    reasons = []
    for name, limit, base in (
        ("selection_rate", asked.selection_rate, np.ones(len(said), dtype=bool)),
        ("true_positive_rate", asked.true_positive_rate, true),
    ):
        if limit is None:
            continue
        rates, few = {}, []
        for value, rows in parts:
            chosen = rows & base
            if chosen.sum() < asked.rows:
                few.append(f"{value} ({chosen.sum()})")
            else:
                rates[value] = float(np.average(said[chosen], weights=weight[chosen]))
        outcome, reason = _gap(name.replace("_", " "), rates, few, limit=limit, asked=asked)
        outcomes.append(outcome)
        reasons.append(reason)
    decided: Outcome = "not passed" if "not passed" in outcomes else "unknown" if "unknown" in outcomes else "passed"
    return Condition(name="fairness", outcome=decided, reason="; ".join(reasons))


def _gap(name: str, rates: dict[str, float], few: list[str], *, limit: float, asked: Fairness) -> tuple[Outcome, str]:
    where = f"{name} by {asked.column}"
    if len(rates) >= 2:
        high, low = max(rates, key=rates.__getitem__), min(rates, key=rates.__getitem__)
        gap = rates[high] - rates[low]
        told = f"{where}: {rates[high]:.3g} of {high} and {rates[low]:.3g} of {low}"
        if gap > limit:
            return "not passed", f"{told}, a gap of {gap:.3g} where {limit:g} is allowed"
    if few or len(rates) < 2:
        named = f" of {_listed(few)}" if few else ""
        return "unknown", f"{where}: too few rows held out{named}, and gate.fairness.rows = {asked.rows} are needed"
    return "passed", f"{told}, a gap within the allowed {limit:g}"


def _apart(
    subject: Subject, name: Literal["segments", "fairness"], column: str, judge: Callable[[Parts], Condition]
) -> Condition:
    """Judge the rows of each value of a column, if they are not too many."""
    values, places = np.unique(subject.texts(column).astype(str), return_inverse=True)
    if len(values) > _MOST_VALUES:
        reason = f"{name}: {column} has {len(values)} values, and at most {_MOST_VALUES} are judged apart"
        return Condition(name=name, outcome="unknown", reason=reason)
    return judge([(str(value), places == number) for number, value in enumerate(values)])


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return f"{', '.join(items[:_SHOWN])}{more}"
