"""A version's page in MLflow: a model card in Markdown, made of the manifest and the gate's report."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple, cast

from mlyard_shared.gate import GateReport
from mlyard_shared.manifest import FeatureReference, Manifest
from mlyard_shared.manifest.current import CandidateScore
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_shared.schema import Column
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.tracking.references import Evaluation

MOST_CHARACTERS = 5_000
"""What MLflow stores of a description."""

_MOST_COLUMNS = 25
_MOST_VALUES = 12
_LONGEST_CELL = 80
_LEVEL = 0.95
_TWO_SIDED = NormalDist().inv_cdf((1 + _LEVEL) / 2)


class Page(NamedTuple):
    """What a page is made of."""

    spec: ModelSpec
    manifest: Manifest
    evaluation: Evaluation
    report: GateReport
    columns_of_table: int


def of_model(spec: ModelSpec) -> str:
    """What the page of the registered model says, whatever its versions are."""
    kind = f"a {spec.task} by {_code(spec.metric)}"
    return (
        f"Predicts {_code(spec.target)} from {_source(spec)}: {kind}.\n\n"
        "The alias `champion` serves, `challenger` is the newest version that has not won, and `previous` is what a "
        "rollback returns to. Each version's page is its model card."
    )


def of_version(page: Page) -> str:
    """The model card. Where it would be too long for MLflow, the table of inputs is cut first."""
    for most in (_MOST_COLUMNS, 10, 0):
        text = "\n\n".join(part for part in _parts(page, most) if part)
        if len(text) <= MOST_CHARACTERS:
            return text
    return f"{text[: MOST_CHARACTERS - 2]} …"


def _parts(page: Page, most_columns: int) -> Iterator[str]:
    spec, manifest, report = page.spec, page.manifest, page.report
    classes = f", one of {_listed(map(_code, map(str, manifest.classes)))}" if manifest.classes else ""
    yield f"Predicts {_code(spec.target)}{classes}. {manifest.candidate}: {_code(manifest.estimator)}."
    yield _headline(page)
    yield _data(page)
    yield _scores(page)
    yield from _segments(page)
    yield _choice(page)
    limits = (*(manifest.card.limits if manifest.card is not None else ()), *report.notes)
    yield _section("Limits", _bullets(limits))
    if most_columns:
        yield _inputs(manifest, most_columns)
    yield _section("Serving", _bullets(_serving(manifest)))


def _headline(page: Page) -> str:
    report = page.report
    score = f"{_name(report.metric)} {_number(report.candidate_score)}"
    return f"**{score}** on {report.holdout_rows:,} rows held out. The gate: **{report.outcome}**."


def _data(page: Page) -> str:
    spec, manifest, card = page.spec, page.manifest, page.manifest.card
    snapshot = manifest.snapshot
    size = f"{snapshot.rows:,} rows and {page.columns_of_table} columns"
    inputs = len(manifest.input_schema.columns)
    lines = [
        f"Table: {_source(spec)}, {size}, {inputs} of them inputs; taken {snapshot.taken_at:%Y-%m-%d %H:%M} UTC",
        f"Snapshot: SHA-256 `{snapshot.sha256[:16]}…`, of run `{snapshot.run_id}`",
    ]
    if card is not None and card.period is not None:
        lines.append(
            f"Rows from {card.period[0]:%Y-%m-%d} to {card.period[1]:%Y-%m-%d} by {_code(str(spec.event_time))}"
        )
    imported = page.evaluation.winner.imported
    if card is not None and imported is not None and imported.held_out is not None:
        lines.append(f"{card.rows_held_out:,} of these rows are held out by the spec, and it may have seen them")
    elif card is not None:
        kept = f"{card.rows_held_out:,} held out {_rule(spec, manifest)}"
        embargo = f", nothing of {spec.holdout.embargo} before those" if spec.holdout.embargo is not None else ""
        lines.append(f"Split: {card.rows_trained:,} rows to train on, {kept}{embargo}")
    if imported is None:
        lines.append(f"Chosen over {spec.folds} folds of the training rows")
    return _section("Data", _bullets(lines))


def _rule(spec: ModelSpec, manifest: Manifest) -> str:
    rule = manifest.holdout
    columns = _listed(map(_code, rule.columns))
    if rule.by == "time":
        since = f"{rule.boundary:%Y-%m-%d %H:%M} UTC" if rule.boundary is not None else "a moment"
        return f"(from {since} on, by {columns})"
    if spec.holdout.stratify:
        share = f"about {spec.holdout.fraction:.3g} of each class"
        return f"(a hash of {columns}, {share}; {rule.fraction:.3g} of all keys whatever the table holds later)"
    return f"(a hash of {columns}, {rule.fraction:.3g} of all keys)"


def _scores(page: Page) -> str:
    evaluation, known = page.evaluation, page.manifest.metrics
    rows = []
    for name, value in evaluation.metrics.items():
        error = evaluation.errors.get(name)
        within = "" if error is None else _interval(name, value, error)
        shown = f"**{_name(name)}**" if name == page.spec.metric else _name(name)
        folds = f"cv_{name}"
        rows.append([shown, _number(value), within, _number(known[folds]) if folds in known else ""])
    header = ["metric", "held out", f"{_LEVEL:.0%} interval", "over the folds"]
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return _section("Scores", _table(header, rows))


def _interval(name: str, value: float, error: float) -> str:
    """The interval, within what the metric can be; where no row was wrong, resamples say nothing of it."""
    if error == 0:
        return "no error seen" if value == 1 else ""
    low, high = value - _TWO_SIDED * error, value + _TWO_SIDED * error
    if METRICS[cast("MetricName", name)].negated:
        low = max(low, 0.0)
    else:
        low, high = low if name == "r2" else max(low, 0.0), min(high, 1.0)
    return f"{_number(low)} to {_number(high)}"


def _segments(page: Page) -> Iterator[str]:
    for condition in page.evaluation.conditions:
        if not condition.values:
            continue
        worst_first = sorted(
            condition.values, key=lambda one: -one.score if METRICS[page.spec.metric].negated else one.score
        )
        rows = [[_text(one.value), f"{one.rows:,}", _number(one.score)] for one in worst_first[:_MOST_VALUES]]
        more = len(worst_first) - len(rows)
        table = _table([_code(str(condition.column)), "rows", page.spec.metric], rows)
        yield _section("Segments", f"{table}\n\n{more} more values score better." if more > 0 else table)


def _choice(page: Page) -> str:
    spec, report = page.spec, page.report
    candidates = page.manifest.card.candidates if page.manifest.card is not None else ()
    ranked = sorted(candidates, key=lambda one: one.score if METRICS[spec.metric].negated else -one.score)
    rows = [[_text(one.name), _code(one.estimator.rpartition(".")[2]), _shown(one)] for one in ranked[:_MOST_VALUES]]
    table = _table(["candidate", "estimator", f"{spec.metric} over the folds"], rows)
    parameters = page.evaluation.winner.parameters
    found = _listed(f"{_code(f'{name} = {value}')}" for name, value in parameters.items())
    settings = f"Settings of {_text(page.manifest.candidate)}: {found}.\n\n" if parameters else ""
    if page.evaluation.winner.imported is not None:
        table = "It was fitted elsewhere, and imported."
    return _section("How it was chosen", f"{table}\n\n{settings}{_bullets(report.reasons)}")


def _shown(candidate: CandidateScore) -> str:
    return f"{_number(candidate.score)} ± {candidate.deviation:.2g}"


def _inputs(manifest: Manifest, most: int) -> str:
    known = {reference.column: reference for reference in manifest.reference}
    columns = manifest.input_schema.columns
    rows = [
        [_code(one.name), one.type, "yes" if one.nullable else "no", _seen(one, known.get(one.name))]
        for one in columns[:most]
    ]
    table = _table(["input", "type", "may be null", "seen in training"], rows)
    more = len(columns) - len(rows)
    return _section("Inputs", f"{table}\n\nand {more} more columns: the signature has all." if more > 0 else table)


def _seen(column: Column, reference: FeatureReference | None) -> str:
    if column.type == "category":
        return _cut(", ".join(column.categories))
    if column.type == "boolean" or reference is None or not reference.edges:
        return ""
    ends = [reference.edges[0], reference.edges[-1]]
    if column.type == "datetime":
        return " to ".join(f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=end):%Y-%m-%d}" for end in ends)
    return " to ".join(f"{end:.6g}" for end in ends)


def _serving(manifest: Manifest) -> Iterator[str]:
    if manifest.onnx is not None and manifest.onnx.holds:
        yield f"ONNX Runtime: the twin's answers match on {manifest.onnx.rows:,} rows"
    elif manifest.onnx_refused is not None:
        yield f"scikit-learn {manifest.packages.get('scikit-learn', '')}; no ONNX twin: {_text(manifest.onnx_refused)}"
    for taken in manifest.latency:
        yield f"{taken.engine}: {taken.milliseconds:.3g} ms a row where it was trained"
    decision = manifest.decision
    if decision is not None and decision.threshold is not None:
        yield f"says {_code(str(manifest.classes[1]))} where its probability is above {decision.threshold:.4g}"
    elif decision is not None and decision.costs is not None:
        yield "says the class with the smallest expected cost"


def _source(spec: ModelSpec) -> str:
    if spec.source.path is not None:
        is_elsewhere = Path(spec.source.path).is_absolute()
        return _code(Path(spec.source.path).name if is_elsewhere else spec.source.path)
    return f"a query of the connection {_code(str(spec.source.connection))}"


def _name(metric: str) -> str:
    return f"{metric} (less is better)" if METRICS[cast("MetricName", metric)].negated else metric


def _number(value: float) -> str:
    return f"{value:.4g}"


def _section(title: str, text: str) -> str:
    return f"### {title}\n\n{text}" if text else ""


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def _listed(texts: Iterable[str]) -> str:
    found = list(texts)
    more = f" and {len(found) - _MOST_VALUES} more" if len(found) > _MOST_VALUES else ""
    return f"{', '.join(found[:_MOST_VALUES])}{more}"


def _cut(text: str) -> str:
    return _text(text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…")


def _code(text: str) -> str:
    """A name as code; what would end it becomes something like it."""
    return f"`{' '.join(text.split()).replace('`', chr(0x2B9)).replace('|', chr(0xA6))}`"


def _text(text: str) -> str:
    """A name of the data's own, in which nothing is Markdown."""
    plain = " ".join(text.split())
    return "".join(f"&#{ord(letter)};" if letter in _SPECIAL else letter for letter in plain)


_SPECIAL = set("\\`*_{}[]<>#|&~!")
