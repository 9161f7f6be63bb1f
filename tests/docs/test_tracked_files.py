"""What holds for one machine only stands in no file."""

import re
import subprocess
from pathlib import Path

import pytest

from .documents import ROOT

HERE = re.escape(str(ROOT)) + r"\b"
FORBIDDEN = {
    "the address of a package index (it belongs into the configuration of pip and uv)": (
        r"(?:extra[-_])?index[-_]url\b|\bUV_(?:DEFAULT_)?INDEX\b|https?://\S+/simp[l]e\b|https?://files\.pythonh[o]sted"
    ),
    "a path of one machine": rf"{HERE}|(?<![\w.~-])/(?:home|Users)/\w+/",
}


def files() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a clone with git at hand: tracked files were not checked")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def matches(pattern: str, file: Path) -> list[str]:
    text = file.read_text(errors="replace")
    place = file.relative_to(ROOT)
    return [
        f"{place}:{text.count(chr(10), 0, m.start()) + 1}: {m[0]}" for m in re.finditer(pattern, text, re.MULTILINE)
    ]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    own = Path(__file__)
    found = [match for file in files() if file != own for match in matches(FORBIDDEN[what], file)]
    assert not found, f"{what} stands in:\n" + "\n".join(found)


def test_no_dockerfile_fetches_its_own_syntax() -> None:
    dockerfiles = [file for file in files() if file.name.startswith("Dockerfile") or file.suffix == ".Dockerfile"]
    found = [match for file in dockerfiles for match in matches(r"^#\s*syntax\s*=.*", file)]
    assert not found, "the build would need a registry for:\n" + "\n".join(found)
