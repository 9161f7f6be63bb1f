import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import DigestMismatch, ModelVersionRefused
from mlyard_shared.manifest import (
    MANIFEST_FILE,
    HoldoutRule,
    Manifest,
    OnnxParity,
    folder_digests,
    parse_manifest,
    verify_folder,
    write_manifest,
)
from mlyard_shared.schema import Column, Schema
from mlyard_shared.snapshot import Snapshot

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FILES = ("MLmodel", "model.skops", "model.onnx", "extra/notes.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A version's folder; its manifest is the one of `digest`."""
    folder = tmp_path / "version"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


@pytest.fixture
def manifest(folder: Path) -> Manifest:
    return Manifest(
        model="churn",
        task="classification",
        target="left",
        classes=("no", "yes"),
        input_schema=Schema(columns=(Column(name="age", type="integer", nullable=False, example=3),)),
        reference=(),
        candidate="forest",
        estimator="sklearn.ensemble.RandomForestClassifier",
        metric="accuracy",
        metrics={"accuracy": 0.9},
        holdout=HoldoutRule(by="hash", columns=("id",), fraction=0.2),
        snapshot=Snapshot(sha256="0" * 64, run_id="1", rows=10, taken_at=NOW),
        run_id="2",
        trained_at=NOW,
        packages={"scikit-learn": "1.9.1"},
        onnx=OnnxParity(rows=20, label_mismatches=0, max_difference=1e-7, tolerance=1e-5),
        files=folder_digests(folder),
    )


@pytest.fixture
def digest(folder: Path, manifest: Manifest) -> str:
    return write_manifest(folder, manifest)


def rewritten(folder: Path, **changes: Any) -> str:
    """Change the manifest and return its new digest, as somebody who may also write the tag could."""
    document = json.loads((folder / MANIFEST_FILE).read_bytes())
    content = json.dumps({**document, **changes}).encode()
    (folder / MANIFEST_FILE).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_what_was_written_is_what_is_read(folder: Path, manifest: Manifest, digest: str) -> None:
    assert verify_folder(folder, manifest_digest=digest) == manifest


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused(folder: Path, digest: str, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DigestMismatch, match=f"{name} has the SHA-256") as caught:
        verify_folder(folder, manifest_digest=digest)
    assert caught.value.file == name


@pytest.mark.parametrize("name", [*FILES, MANIFEST_FILE])
def test_a_removed_file_is_refused(folder: Path, digest: str, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelVersionRefused, match=f"{name} is missing"):
        verify_folder(folder, manifest_digest=digest)


@pytest.mark.parametrize("name", ["model.pkl", "extra/more.txt", ".hidden", "extra/mlyard.json"])
def test_an_added_file_is_refused(folder: Path, digest: str, name: str) -> None:
    (folder / name).write_text("more")
    with pytest.raises(ModelVersionRefused, match=f"{name} was not registered with this version"):
        verify_folder(folder, manifest_digest=digest)


@pytest.mark.parametrize("target", ["file", "folder", "nothing"])
def test_a_symbolic_link_is_refused_even_where_its_content_is_right(
    folder: Path, digest: str, tmp_path: Path, target: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    if target == "file":
        (folder / "model.onnx").rename(elsewhere)
        (folder / "model.onnx").symlink_to(elsewhere)
        name = "model.onnx"
    else:
        if target == "folder":
            elsewhere.mkdir()
        (folder / "link").symlink_to(elsewhere)
        name = "link"
    with pytest.raises(ModelVersionRefused, match=f"{name} is a symbolic link"):
        verify_folder(folder, manifest_digest=digest)


def test_a_changed_manifest_is_refused(folder: Path, digest: str) -> None:
    rewritten(folder, target="other")
    with pytest.raises(DigestMismatch, match=r"mlyard\.json has the SHA-256"):
        verify_folder(folder, manifest_digest=digest)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "extra/../../outside"])
def test_a_manifest_that_names_a_file_elsewhere_is_refused(folder: Path, digest: str, name: str) -> None:
    (folder.parent / "outside").write_text("x")
    changed = rewritten(folder, files={**folder_digests(folder), name: "0" * 64})
    with pytest.raises(ModelVersionRefused, match="names a file outside of the version"):
        verify_folder(folder, manifest_digest=changed)


@pytest.mark.parametrize("name", ["./model.onnx", "extra//notes.txt"])
def test_a_file_is_known_by_one_spelling_only(folder: Path, digest: str, name: str) -> None:
    files = folder_digests(folder)
    spelt = next(known for known in files if Path(known) == Path(name))
    changed = rewritten(folder, files={name if known == spelt else known: value for known, value in files.items()})
    with pytest.raises(ModelVersionRefused, match=f"{spelt} was not registered"):
        verify_folder(folder, manifest_digest=changed)


@pytest.mark.parametrize("version", [2, 0, -1, None, "1", True, 1.0, [1]], ids=repr)
def test_another_contract_version_is_refused(folder: Path, digest: str, version: object) -> None:
    changed = rewritten(folder, contract=version)
    with pytest.raises(ModelVersionRefused, match=r"is of contract version .*; this reader knows 1"):
        verify_folder(folder, manifest_digest=changed)


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"\xff\xfe", b"[" * 100_000], ids=["empty", "text", "binary", "deep"]
)
def test_a_manifest_that_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(ModelVersionRefused, match="is not JSON"):
        parse_manifest(content)


@pytest.mark.parametrize("content", [b"[]", b"null", b"{}"])
def test_json_without_a_contract_version_is_refused(content: bytes) -> None:
    with pytest.raises(ModelVersionRefused, match="contract version None"):
        parse_manifest(content)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"more": 1}, "more"),
        ({"run_id": 3}, "run_id"),
        ({"metrics": {"accuracy": "0.9"}}, "metrics.accuracy"),
        ({"files": {"a": "0"}}, "files.a"),
        ({"input_schema": {"columns": [{"name": "a", "type": "number", "nullable": "yes"}]}}, "input_schema.columns.0"),
    ],
    ids=["unknown key", "number for text", "text for number", "no digest", "text for boolean"],
)
def test_a_manifest_is_read_strictly(folder: Path, digest: str, change: dict[str, Any], where: str) -> None:
    changed = rewritten(folder, **change)
    with pytest.raises(ModelVersionRefused, match=rf"mlyard\.json: {where}") as caught:
        verify_folder(folder, manifest_digest=changed)
    assert "\n" not in str(caught.value)


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
