"""Today's readers read an example of each contract version that is supported."""

import json
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.manifest import MANIFEST_FILE, parse_manifest
from mlyard_shared.spec import read_spec
from mlyard_shared.spec.model import SPEC_VERSION

GOLDEN = Path(__file__).with_name("golden")
SPECS = sorted(GOLDEN.glob("spec/*/*.toml"))
MANIFEST = GOLDEN / "contract2" / "manifest.json"


@pytest.mark.parametrize("file", SPECS, ids=lambda file: f"{file.parent.name} {file.stem}")
def test_a_spec_of_each_contract_version_says_what_it_says(file: Path) -> None:
    read = read_spec(file).model_dump(mode="json")
    for key, value in tomllib.loads(file.read_text()).items():
        assert_said(read[key], value, key)


def assert_said(read: Any, written: Any, key: str) -> None:
    """What is written is read; what is not written has a default."""
    if isinstance(written, dict):
        for name, value in written.items():
            assert_said(read[name], value, f"{key}.{name}")
    elif isinstance(written, list):
        assert len(read) == len(written), key
        for position, value in enumerate(written):
            assert_said(read[position], value, f"{key}.{position}")
    elif isinstance(read, dict):  # a place that is written as one text
        assert written in read.values(), key
    else:
        assert read == written, key


def test_the_spec_has_examples_of_its_major_version_only() -> None:
    versions = {file.parent.name for file in SPECS}
    assert "1.0" in versions
    assert {version.split(".")[0] for version in versions} == {SPEC_VERSION.split(".")[0]}


@pytest.mark.parametrize("name", ["again", "amount", "mixed"])
def test_a_manifest_of_contract_1_is_read(name: str) -> None:
    with zipfile.ZipFile(GOLDEN / "contract1" / f"{name}.zip") as packed:
        content = packed.read(MANIFEST_FILE)
    read = parse_manifest(content)
    assert (read.contract, read.run_id, read.files) == (1, *(json.loads(content)[key] for key in ("run_id", "files")))


def test_a_manifest_of_contract_2_is_read_key_by_key() -> None:
    written = json.loads(MANIFEST.read_text())
    read = parse_manifest(MANIFEST.read_bytes()).model_dump(mode="json")
    assert {key: read[key] for key in written} == written


def test_a_newer_manifest_is_refused_with_the_version_that_reads_it() -> None:
    assert refusal(contract=3, packages={"mlyard-shared": "0.9.0"}).endswith(
        "this reader knows 1 and 2: mlyard-shared 0.9.0, which wrote it, reads its key contract"
    )
    assert "a newer mlyard-shared than" in refusal(contract=3, packages={})


def test_an_unknown_key_is_refused_with_the_version_that_reads_it() -> None:
    found = refusal(monotonic=["bill"], packages={"mlyard-shared": "0.9.0"})
    assert found.startswith("mlyard.json: monotonic: is no key of contract 2 as mlyard-shared ")
    assert found.endswith(" knows it: mlyard-shared 0.9.0, which wrote it, reads it")


def test_a_newer_spec_is_refused_with_the_version_that_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text((GOLDEN / "spec/1.0/file.toml").read_text().replace("version = 1", "version = 2"))
    with pytest.raises(Exception, match=rf"version: .*reads contract {SPEC_VERSION} .*newer mlyard-shared"):
        read_spec(file)


def refusal(**changes: Any) -> str:
    with pytest.raises(Exception, match=r"mlyard\.json") as caught:
        parse_manifest(json.dumps(json.loads(MANIFEST.read_text()) | changes).encode())
    return str(caught.value)


def test_an_unknown_key_of_a_spec_is_refused_with_the_contract_that_is_read(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text((GOLDEN / "spec/1.0/file.toml").read_text().replace("[gate]", "[gate]\nzzz = 1"))
    with pytest.raises(
        Exception, match=rf"gate\.zzz: unknown key; known are .* \(contract {SPEC_VERSION} of the spec\)"
    ):
        read_spec(file)
