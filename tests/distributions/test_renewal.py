"""The pinned files against what the metadata ask for, and what is said of newer ones."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "packages/pins.py"
PINNED = """\
Click==8.3.0 \\
    --hash=sha256:00
    # via one
uvicorn[standard]==0.50.0 ; sys_platform == 'linux'
numpy==2.3.0 ; python_full_version < '3.12'
numpy==2.4.0 ; python_full_version >= '3.12'
"""


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The command over one file of pins."""
    spec = importlib.util.spec_from_file_location("pins", COMMAND)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pins", module)
    spec.loader.exec_module(module)
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages/requirements.txt").write_text(PINNED)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        ("click>=8.2", None),
        ("uvicorn[standard]>=0.50,<0.51", None),
        ("numpy>=2.1", None),
        ("click>=8.4", "packages/requirements.txt pins click 8.3.0, and the metadata ask for click>=8.4"),
        ("numpy>=2.4", "packages/requirements.txt pins numpy 2.3.0, and the metadata ask for numpy>=2.4"),
        ("numpy<2.4", "packages/requirements.txt pins numpy 2.4.0, and the metadata ask for numpy<2.4"),
        ("httpx>=0.28", "packages/requirements.txt has no pin of httpx"),
    ],
)
def test_a_pin_that_no_longer_satisfies_the_metadata_is_found(
    pins: ModuleType, tmp_path: Path, requirement: str, says: str | None
) -> None:
    found = list(pins.Asked(tmp_path / "packages/requirements.txt", (requirement,)).missing())
    assert found == ([says] if says is not None else [])


def test_every_file_of_pins_but_that_of_the_build_is_compared(
    pins: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "ROOT", ROOT)
    files = {file for folder in ("compose", "packages", "tests") for file in (ROOT / folder).rglob("requirements*.txt")}
    assert {one.file for one in pins.asked()} == files - {ROOT / "packages/shared/requirements-build.txt"}
    # What is required through a sibling's extra counts, too.
    assert any(one.startswith("skops") for one in pins.needs("model_api", []))


@pytest.mark.parametrize("verdict", [0, 1])
def test_a_renewal_says_what_has_moved_and_how_the_tests_ended(
    pins: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdict: int,
) -> None:
    file = tmp_path / "packages/requirements.txt"
    newer = PINNED.replace("8.3.0", "8.4.0").replace("uvicorn[standard]==0.50.0", "uvloop==1.0")
    monkeypatch.setattr(pins, "write", lambda words: file.write_text(newer) if words == ["--upgrade"] else None)
    asked: list[list[str]] = []

    def run(command: list[str], **options: object) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(returncode=verdict)

    monkeypatch.setattr(subprocess, "run", run)
    assert pins.main(["--renew"]) == verdict
    assert asked == [["hatch", "run", "test"]]
    assert capsys.readouterr().out.splitlines() == [
        "click 8.3.0 -> 8.4.0    (packages/requirements.txt)",
        "uvicorn 0.50.0 -> none    (packages/requirements.txt)",
        "uvloop none -> 1.0    (packages/requirements.txt)",
        "the tests have FAILED with these" if verdict else "all tests pass with these",
    ]
