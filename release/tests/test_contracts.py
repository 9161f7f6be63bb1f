"""What of a change to a contract has to be told by its version, on a repository of one contract."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from mlyard_release import contracts, interface
from mlyard_release.differences import differences
from mlyard_release.written import Unwritten, Written

SCHEMA: dict[str, Any] = {
    "properties": {"name": {"type": "string"}, "gate": {"$ref": "#/$defs/Gate"}},
    "$defs": {"Gate": {"properties": {"margin": {"type": "number", "default": 0.0}}}},
    "required": ["name"],
}
LEVEL = {"properties": {"margin": {"type": "number", "default": 0.0}, "level": {"type": "number"}}}
WITH_LEVEL = SCHEMA | {"$defs": {"Gate": LEVEL}}
WITHOUT_GATE = SCHEMA | {"properties": {"name": {"type": "string"}}}


class Constant(Written):
    """A contract whose version is what it is made with."""

    @property
    def version(self) -> str:
        return self.constant


def contract(version: str = "1.1", schema: Any = SCHEMA, *, addition: int = Written.MINOR) -> Written:
    return Constant("shared", "spec", version, lambda: schema, addition)


def with_examples(version: str = "1.1") -> Written:
    return Constant("shared", "spec", version, lambda: SCHEMA, Written.MINOR, "examples/{version}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository in which `spec` 1.1 is written, and which has made no release."""
    (tmp_path / "packages/shared").mkdir(parents=True)
    subprocess.run(["git", "-C", tmp_path, "init", "--quiet"], check=True)
    assert list(contracts.write(contract(), tmp_path, unreleased=False)) == []
    return tmp_path


def release(root: Path) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["add", "."], [*who, "commit", "--quiet", "-m", "one"], ["tag", "shared-v0.3.0"]):
        subprocess.run(["git", "-C", root, *words], check=True)


def test_code_that_is_as_written_is_kept(root: Path) -> None:
    assert list(contracts.problems(contract(), root)) == []


def test_a_contract_of_which_the_code_gives_no_form_hides_no_other(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unwritten() -> Any:
        raise Unwritten("there is no example")

    http = Constant("model_api", "http", "1.0", unwritten)
    monkeypatch.setattr(contracts, "CONTRACTS", (http, contract(schema=WITH_LEVEL)))
    (root / http.file).parent.mkdir(parents=True)
    (root / http.file).write_text("{}")
    assert contracts.main(["--check"], root=root) == 1
    said = capsys.readouterr().err
    assert "model_api: the contract http: there is no example\n" in said
    assert "shared: the contract spec: Gate.level is new" in said


def test_a_new_optional_key_of_the_spec_needs_a_minor_version(root: Path) -> None:
    (found,) = contracts.problems(contract(schema=WITH_LEVEL), root)
    assert found.startswith(
        "shared: the contract spec: Gate.level is new, and its version is still 1.1; raise the minor"
    )
    (found,) = contracts.problems(contract("1.2", WITH_LEVEL), root)
    assert "run `hatch run contracts`" in found
    assert list(contracts.write(contract("1.2", WITH_LEVEL), root, unreleased=False)) == []
    assert list(contracts.problems(contract("1.2", WITH_LEVEL), root)) == []


def test_an_addition_to_an_open_contract_needs_the_command_alone(root: Path) -> None:
    changed = contract(schema=WITH_LEVEL, addition=Written.NOTHING)
    (found,) = contracts.problems(changed, root)
    assert found.startswith("shared: the contract spec: Gate.level is new; run `hatch run contracts` and commit")
    assert list(contracts.write(changed, root, unreleased=False)) == []


def test_what_breaks_a_contract_is_not_written_without_a_new_version(root: Path) -> None:
    (found,) = contracts.write(contract("1.2", WITHOUT_GATE), root, unreleased=False)
    assert "gate is taken away" in found
    assert list(contracts.write(contract("2.0", WITHOUT_GATE), root, unreleased=False)) == []


def test_a_version_that_no_release_has_may_be_written_anew_and_a_released_one_not(root: Path) -> None:
    broken = contract(schema=WITHOUT_GATE)
    assert list(contracts.write(broken, root, unreleased=True)) == []
    release(root)
    restored = contract(schema=WITH_LEVEL)
    assert list(contracts.write(restored, root, unreleased=True))
    (root / "packages/shared/contracts/spec.json").unlink()
    assert list(contracts.write(restored, root, unreleased=True))


GOLDEN = {
    "one.toml": (b"version = 1\n[gate]\nmargin = 0.5\n", b"version = 1\n[gate]\nmargin = 0.6\n", "gate.margin"),
    "one.json": (b'{"a": {"b": [1]}, "c": 2}', b'{"a": {"b": [2]}, "c": 2}', "a.b"),
    "one.env": (b"# first\nA_PORT=1\nA_HOST=x\n", b"A_PORT=2\nA_HOST=x\n", "A_PORT"),
    "one.npy": (b"\x93NUMPY", b"\x93NUMPI", "the file"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_changed_example_is_named_with_its_package_and_key(root: Path, name: str) -> None:
    before, after, key = GOLDEN[name]
    file = root / "examples/1.1" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(before)
    assert list(contracts.write(with_examples(), root, unreleased=False)) == []
    release(root)
    assert list(contracts.problems(with_examples(), root)) == []
    file.write_bytes(after)
    for found in (contracts.problems(with_examples(), root), contracts.write(with_examples(), root, unreleased=True)):
        (said,) = set(found)
        assert said.startswith(
            f"shared: the contract spec: its example examples/1.1/{name}: {key} says something else, and its version is"
        )


def test_an_example_goes_with_a_new_version_alone(root: Path) -> None:
    folder = root / "examples/1.1"
    folder.mkdir(parents=True)
    (folder / "one.env").write_text("A=1\n")
    assert list(contracts.write(with_examples(), root, unreleased=False)) == []
    (folder / "one.env").rename(folder / "other.env")
    (found,) = contracts.problems(with_examples(), root)
    assert "its example examples/1.1/one.env is taken away" in found
    found = next(iter(contracts.problems(with_examples("2.0"), root)))
    assert found == "shared: the contract spec: there is no example of its version 2.0 in examples/2.0"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"required": ["name", "gate"]}, "gate has to be given"),
        ({"required": []}, "name need not be given any more"),
        (
            {"properties": SCHEMA["properties"] | {"name": {"type": "integer"}}},
            'name.type was "string" and is "integer"',
        ),
        ({"properties": SCHEMA["properties"] | {"name": {"type": "string", "maxLength": 3}}}, "name.maxLength is new"),
    ],
)
def test_a_difference_names_its_key(changes: dict[str, Any], expected: str) -> None:
    assert [str(one) for one in differences(SCHEMA, SCHEMA | changes)] == [expected]


def test_a_public_name_that_goes_within_a_series_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "packages/shared"
    source = package / "src/mlyard_shared/__init__.py"
    source.parent.mkdir(parents=True)
    source.write_text("def old(): ...\n")
    (package / "pyproject.toml").write_text('[project]\nname = "mlyard-shared"\nversion = "0.3.0"\n')
    subprocess.run(["git", "-C", tmp_path, "init", "--quiet"], check=True)
    release(tmp_path)
    assert interface.main(root=tmp_path) == 0
    source.write_text("def new(): ...\n")
    assert interface.main(root=tmp_path) == 1
    assert "shared: mlyard_shared.old: Public object was removed" in capsys.readouterr().err
    (package / "pyproject.toml").write_text('[project]\nname = "mlyard-shared"\nversion = "0.4.0"\n')
    assert interface.main(root=tmp_path) == 0
