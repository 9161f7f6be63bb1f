"""Contract 2: every fact of it is read, and what contradicts itself or is unknown is refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.contract import Contract
from mlyard_shared.decision import Decision
from mlyard_shared.manifest import (
    BACKGROUND_FILE,
    EngineFile,
    FeatureReference,
    HoldoutRule,
    Manifest,
    OnnxParity,
    folder_digests,
    verify_folder,
    write_manifest,
)
from mlyard_shared.manifest.current import (
    Background,
    Budgets,
    CandidateScore,
    Card,
    Conformal,
    Latency,
    Quantile,
    TargetTransform,
    read,
)
from mlyard_shared.schema import Column, DateExpansion, InputForm, Schema
from pydantic import ValidationError

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)

SCHEMA = Schema(
    columns=(
        Column(name="Alter", type="integer", nullable=True, example=3, rounded=True),
        Column(name="farbe", type="category", nullable=True, categories=("grün", "rot"), unseen="accept"),
        Column(name="tag", type="datetime", nullable=False, example="2026-01-02T00:00:00"),
    ),
    dates=(DateExpansion(column="tag", parts=("year", "days_since_epoch")),),
)
SCORES = FeatureReference(column="yes", rows=8, missing=0, edges=(0.0, 0.5, 1.0), counts=(3, 5))
OUTPUT = FeatureReference(column="left", rows=8, missing=1, categories=("no", "yes"), counts=(3, 4))
EVERY_FACT: dict[str, Any] = {
    "contract": 2,
    "grammar": 2,
    "input_schema": SCHEMA,
    "inputs": InputForm(encoding="codes", precision="float32"),
    "engines": (
        EngineFile(kind="skops", file="model.skops", whole=False),
        EngineFile(kind="onnx", file="model.onnx"),
        EngineFile(kind="xgboost", file="extra/notes.txt"),
    ),
    "decision": Decision(kind="threshold", threshold=0.35, tolerance=1e-6),
    "output_reference": OUTPUT,
    "score_references": (SCORES,),
    "latency": (Latency(engine="onnx", rows=1, milliseconds=0.05), Latency(engine="skops", rows=1000, milliseconds=4)),
    "budgets": Budgets(latency_ms=5.0, size_bytes=50_000_000),
    "conformal": Conformal(
        score="one_minus_probability",
        rows=200,
        quantiles=(Quantile(level=0.8, value=0.3), Quantile(level=0.95, value=0.7)),
    ),
    "background": Background(rows=100),
    "segments": ("farbe",),
    "card": Card(
        rows_trained=800,
        rows_held_out=200,
        period=(NOW, NOW),
        candidates=(CandidateScore(name="forest", estimator="RandomForestClassifier", score=0.9, deviation=0.02),),
        champion_before=3,
        gate="0.91 against 0.90",
        limits=("not for minors",),
    ),
    "onnx_refused": "it was too slow",
}


@pytest.fixture
def full(folder: Path, manifest: Manifest) -> Manifest:
    (folder / BACKGROUND_FILE).write_text("a sample")
    facts = {name: getattr(manifest, name) for name in Manifest.model_fields}
    return Manifest(**(facts | EVERY_FACT | {"files": folder_digests(folder)}))


@pytest.fixture
def regression(folder: Path, manifest: Manifest) -> Manifest:
    """The facts that only a regression can have."""
    facts = {name: getattr(manifest, name) for name in Manifest.model_fields}
    changes = {
        "task": "regression",
        "classes": (),
        "decision": None,
        "metric": "rmse",
        "target_transform": TargetTransform(kind="yeo_johnson", power=0.3),
        "holdout": HoldoutRule(by="time", columns=("tag",), fraction=0.2, boundary=NOW, hash_name="sha256"),
        "onnx": OnnxParity(rows=20, label_mismatches=0, max_difference=1e-7, tolerance=1e-6),
        "conformal": Conformal(score="absolute_residual", rows=9, quantiles=(Quantile(level=0.9, value=1.5),)),
    }
    return Manifest(**(facts | changes))


@pytest.fixture
def costly(manifest: Manifest) -> Manifest:
    """A decision by costs, over texts."""
    facts = {name: getattr(manifest, name) for name in Manifest.model_fields}
    costs = Decision(kind="costs", costs=((0.0, 1.0), (10.0, 0.0)))
    return Manifest(**(facts | {"decision": costs, "inputs": InputForm(encoding="text")}))


@pytest.mark.parametrize("which", ["full", "regression", "costly"])
def test_every_fact_that_was_written_is_read(folder: Path, which: str, request: pytest.FixtureRequest) -> None:
    written: Manifest = request.getfixturevalue(which)
    assert verify_folder(folder, manifest_digest=write_manifest(folder, written)) == written


def test_no_fact_of_the_contract_is_left_out_of_these_tests(
    full: Manifest, regression: Manifest, costly: Manifest
) -> None:
    given = {place for manifest in (full, regression, costly) for place in _given(manifest)}
    # None of the declared features is known yet, and the sample has one name only.
    assert set(_places(Manifest)) - given == {"Manifest.declarations", "Background.file"}


def _given(contract: Contract) -> Iterator[str]:
    """The fields below a value that differ from their default."""
    for name, field in type(contract).model_fields.items():
        value = getattr(contract, name)
        if field.is_required() or value != field.default or name in ("contract", "grammar"):
            yield f"{type(contract).__name__}.{name}"
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Contract):
                yield from _given(inner)


def _places(contract: type[Contract]) -> Iterator[str]:
    for name, field in contract.model_fields.items():
        yield f"{contract.__name__}.{name}"
        for inner in _contracts(field.annotation):
            yield from _places(inner)


def _contracts(annotation: Any) -> Iterator[type[Contract]]:
    if isinstance(annotation, type) and issubclass(annotation, Contract):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _contracts(argument)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"declarations": [{"kind": "window"}]}, "features of the kind 'window', which is unknown", id="lag"
        ),
        pytest.param({"task": "regression"}, "a decision is for classes, and this is a regression", id="regression"),
        pytest.param(
            {"classes": ["a", "b", "c"]}, "a threshold decides between two classes, and there are 3", id="threshold"
        ),
        pytest.param(
            {"decision": {"kind": "costs", "costs": [[0.0]]}}, "a row and a column for each class", id="costs"
        ),
        pytest.param({"engines": [{"kind": "onnx", "file": "a"}]}, "a is named and not among the files", id="engine"),
        pytest.param({"engines": []}, "at least 1 item", id="no engine"),
        pytest.param({"grammar": 3}, "Input should be 1 or 2", id="grammar"),
        pytest.param({"inputs": {"encoding": "bytes"}}, "Input should be 'codes' or 'text'", id="encoding"),
        pytest.param({"engines": [{"kind": "pickle", "file": "a"}]}, "'skops', 'onnx', 'lightgbm'", id="engine's kind"),
        pytest.param({"holdout": {"by": "dice", "columns": [], "fraction": 0.2}}, "'hash' or 'time'", id="holdout"),
        pytest.param({"conformal": {"score": "x", "rows": 1, "quantiles": []}}, "'absolute_residual'", id="conformal"),
        pytest.param({"background": {"file": "other.npy", "rows": 1}}, "'background.npy'", id="background"),
        pytest.param({"target_transform": {"kind": "cube"}}, "'log', 'log1p'", id="transform"),
        pytest.param(
            {"latency": [{"engine": "lightgbm", "rows": 1, "milliseconds": 1.0}]}, "'skops' or 'onnx'", id="latency"
        ),
        pytest.param({"budgets": {"latency_ms": 0.0}}, "greater than 0", id="budget"),
        pytest.param({"colour": "blue"}, "Extra inputs are not permitted", id="key"),
    ],
)
def test_what_is_unknown_or_contradicts_itself_is_refused(
    full: Manifest, changes: dict[str, Any], message: str
) -> None:
    document = full.model_dump(mode="json") | changes
    with pytest.raises(ValidationError, match=message):
        read(json.dumps(document).encode())


def test_a_background_sample_is_among_the_files(manifest: Manifest) -> None:
    document = manifest.model_dump(mode="json") | {"background": {"rows": 3}}
    with pytest.raises(ValidationError, match=r"background\.npy is named and not among the files"):
        read(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("rows", "mismatches", "difference", "holds"),
    [(10, 0, 1e-5, True), (10, 0, 2e-5, False), (10, 1, 0.0, False), (0, 0, 0.0, False)],
    ids=["at the tolerance", "above the tolerance", "a label differs", "nothing compared"],
)
def test_a_twin_holds_only_when_every_label_and_every_number_fits(
    rows: int, mismatches: int, difference: float, holds: bool
) -> None:
    parity = OnnxParity(rows=rows, label_mismatches=mismatches, max_difference=difference, tolerance=1e-5)
    assert parity.holds is holds
