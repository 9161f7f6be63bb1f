import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import DigestMismatch, ModelVersionRefused
from mlyard_shared.manifest import MANIFEST_FILE, Manifest, folder_digests, parse_manifest, verify_folder

FILES = ("MLmodel", "model.skops", "model.onnx", "extra/notes.txt")


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


@pytest.mark.parametrize("name", ["./MLmodel", "extra//notes.txt"])
def test_a_file_is_known_by_one_spelling_only(folder: Path, digest: str, name: str) -> None:
    files = folder_digests(folder)
    spelt = next(known for known in files if Path(known) == Path(name))
    changed = rewritten(folder, files={name if known == spelt else known: value for known, value in files.items()})
    with pytest.raises(ModelVersionRefused, match=f"{spelt} was not registered"):
        verify_folder(folder, manifest_digest=changed)


@pytest.mark.parametrize("version", [3, 0, -1, None, "2", True, 1.0, [1]], ids=repr)
def test_another_contract_version_is_refused(folder: Path, digest: str, version: object) -> None:
    changed = rewritten(folder, contract=version)
    with pytest.raises(
        ModelVersionRefused, match=r"is of contract version .*; this reader knows 1 and 2(: a newer .*)?$"
    ):
        verify_folder(folder, manifest_digest=changed)


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"\xff\xfe", b"[" * 100_000], ids=["empty", "text", "binary", "deep"]
)
def test_a_manifest_that_is_not_json_is_refused(content: bytes) -> None:
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
        ({"inputs": {}, "engines": []}, "engines"),
    ],
    ids=["unknown key", "number for text", "text for number", "no digest", "text for boolean", "no engine"],
)
def test_a_manifest_is_read_strictly(folder: Path, digest: str, change: dict[str, Any], where: str) -> None:
    changed = rewritten(folder, **change)
    with pytest.raises(ModelVersionRefused, match=rf"mlyard\.json: {where}") as caught:
        verify_folder(folder, manifest_digest=changed)
    assert "\n" not in str(caught.value)


def test_what_contradicts_itself_is_refused_in_one_plain_sentence(folder: Path, digest: str) -> None:
    changed = rewritten(folder, declarations=[{"kind": "lag"}])
    with pytest.raises(ModelVersionRefused) as caught:
        verify_folder(folder, manifest_digest=changed)
    assert str(caught.value) == "mlyard.json: it declares features of the kind 'lag', which is unknown"
