import re
import tomllib
from pathlib import Path

import pytest

from .documents import ROOT

PACKAGES = sorted(file.parent for file in ROOT.glob("packages/*/pyproject.toml"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_changelog_begins_with_the_version_of_the_package(package: Path) -> None:
    version = tomllib.loads((package / "pyproject.toml").read_text())["project"]["version"]
    changelog = package / "CHANGELOG.md"
    assert changelog.exists(), (
        f"packages/{package.name} has no CHANGELOG.md; its first heading has to be '## {version}'"
    )
    found = re.search(r"^## \[?v?(\d+\.\d+\.\d+\S*?)\]?(?: |$)", changelog.read_text(), re.MULTILINE)
    newest = found[1] if found else "nothing"
    assert newest == version, f"packages/{package.name} is at {version}, its CHANGELOG.md begins with {newest}"
