"""Contract 1, read from versions that 0.2.0 really made: see `golden/make_contract1.py`."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.decision import Decision
from mlyard_shared.errors import DigestMismatch, ModelVersionRefused
from mlyard_shared.manifest import (
    MANIFEST_FILE,
    EngineFile,
    Manifest,
    parse_manifest,
    verify_folder,
    write_manifest,
)
from mlyard_shared.schema import InputForm

GOLDEN = Path(__file__).parents[1] / "golden/contract1"
MODELS = ("mixed", "amount", "again")
SKOPS, ONNX = EngineFile(kind="skops", file="model.skops"), EngineFile(kind="onnx", file="model.onnx")


def unpack(model: str, folder: Path) -> str:
    """Put a golden version's files into a folder, and return the digest that it was registered with."""
    with zipfile.ZipFile(GOLDEN / f"{model}.zip") as packed:
        packed.extractall(folder)
    return str(json.loads((GOLDEN / f"{model}.answers.json").read_text())["digest"])


def golden(model: str) -> dict[str, Any]:
    with zipfile.ZipFile(GOLDEN / f"{model}.zip") as packed:
        document: dict[str, Any] = json.loads(packed.read(MANIFEST_FILE))
    return document


@pytest.mark.parametrize("model", MODELS)
def test_a_version_of_0_2_0_asks_for_what_0_2_0_did(tmp_path: Path, model: str) -> None:
    manifest = verify_folder(tmp_path, manifest_digest=unpack(model, tmp_path))
    assert (manifest.contract, manifest.grammar, manifest.decision) == (1, 1, None)
    assert manifest.inputs == InputForm(encoding="text", precision="float64")
    assert manifest.holdout.hash_name == "sha256"
    assert manifest.engines == ((SKOPS,) if model == "again" else (SKOPS, ONNX))


@pytest.mark.parametrize("model", MODELS)
def test_every_fact_of_a_version_of_0_2_0_is_read(model: str) -> None:
    document = golden(model)
    read = parse_manifest(json.dumps(document).encode()).model_dump(mode="json")
    for column in read["input_schema"]["columns"]:
        assert column.pop("rounded") is False
    assert read["holdout"].pop("hash_name") == "sha256"
    assert {name: read[name] for name in document} == document
    added = {name: value for name, value in read.items() if name not in document}
    assert set(added) == set(Manifest.model_fields) - set(document)
    assert not any(value for name, value in added.items() if name not in ("grammar", "inputs", "engines"))


def test_the_golden_versions_differ_in_what_matters() -> None:
    documents = [golden(model) for model in MODELS]
    assert [document["task"] for document in documents] == ["classification", "regression", "classification"]
    assert [document["onnx_refused"] is None for document in documents] == [True, True, False]
    assert [type(label) for document in documents for label in document["classes"][:1]] == [str, bool]
    kinds = {column["type"] for document in documents for column in document["input_schema"]["columns"]}
    assert kinds == {"integer", "number", "boolean", "category", "datetime"}


def test_a_changed_file_of_a_version_of_0_2_0_is_refused(tmp_path: Path) -> None:
    digest = unpack("mixed", tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"another model")
    with pytest.raises(DigestMismatch, match=r"model\.onnx has the SHA-256"):
        verify_folder(tmp_path, manifest_digest=digest)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"decision": None}, id="decision"),
        pytest.param({"grammar": 2}, id="grammar"),
        pytest.param({"inputs": {}}, id="inputs"),
        pytest.param({"card": None}, id="card"),
        pytest.param({"more": 1}, id="unknown"),
    ],
)
def test_what_contract_1_did_not_have_is_refused_in_it(changes: dict[str, Any]) -> None:
    name = next(iter(changes))
    with pytest.raises(ModelVersionRefused, match=rf"mlyard\.json: {name}: Extra inputs"):
        parse_manifest(json.dumps(golden("mixed") | changes).encode())


def test_a_holdout_of_contract_1_names_no_hash() -> None:
    document = golden("mixed")
    document["holdout"]["hash_name"] = "siphash24"
    with pytest.raises(ModelVersionRefused, match=r"mlyard\.json: holdout\.hash_name: Extra inputs"):
        parse_manifest(json.dumps(document).encode())


@pytest.mark.parametrize("model", MODELS)
def test_the_recorded_answers_are_those_of_the_packed_version(model: str) -> None:
    with zipfile.ZipFile(GOLDEN / f"{model}.zip") as packed:
        found = hashlib.sha256(packed.read(MANIFEST_FILE)).hexdigest()
    assert found == json.loads((GOLDEN / f"{model}.answers.json").read_text())["digest"]


@pytest.mark.parametrize("model", MODELS)
def test_what_is_read_of_0_2_0_is_written_as_0_2_0_did(tmp_path: Path, model: str) -> None:
    document = golden(model)
    write_manifest(tmp_path, parse_manifest(json.dumps(document).encode()))
    assert json.loads((tmp_path / MANIFEST_FILE).read_text()) == document


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("decision", Decision(kind="threshold", threshold=0.3), id="decision"),
        pytest.param("metric", "brier", id="metric"),
        pytest.param("segments", ("colour",), id="segments"),
        pytest.param("inputs", InputForm(encoding="codes", precision="float32"), id="inputs"),
        pytest.param("engines", (SKOPS, EngineFile(kind="lightgbm", file="model.onnx", whole=False)), id="engines"),
    ],
)
def test_what_contract_1_cannot_say_is_not_written(tmp_path: Path, key: str, value: Any) -> None:
    manifest = parse_manifest(json.dumps(golden("mixed")).encode()).model_copy(update={key: value})
    with pytest.raises(ModelVersionRefused, match=rf"contract 1 of a model version cannot say its {key}: write contr"):
        write_manifest(tmp_path, manifest)
    assert not (tmp_path / MANIFEST_FILE).exists()
