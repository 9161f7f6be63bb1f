"""What has changed in a package since its last release: a fragment a change, which towncrier gathers."""

import re
import subprocess
import sys
from pathlib import Path

from mlyard_release.packages import Package
from mlyard_release.releases import git

KINDS = ("breaking", "feature", "fix")


def fragments(package: Package) -> list[Path]:
    """The fragments that wait, `changes/+WORD.KIND.md`."""
    return sorted(package.folder.glob("changes/*.md"))


def breaking(package: Package) -> list[Path]:
    """Those that tell of something that a user has to follow."""
    return [file for file in fragments(package) if ".breaking." in file.name]


def misnamed(package: Package) -> list[Path]:
    """Those that towncrier would not gather."""
    return [file for file in fragments(package) if len(parts := file.name.split(".")) < 3 or parts[1] not in KINDS]


def tell(package: Package, sentence: str) -> None:
    """Leave a fragment."""
    (package.folder / "changes").mkdir(exist_ok=True)
    (package.folder / "changes" / "+siblings.fix.md").write_text(f"{sentence}\n")


def is_told(package: Package, version: str) -> bool:
    """Whether the changelog has a version."""
    return f"\n## {version}\n" in (package.folder / "CHANGELOG.md").read_text()


def gather(package: Package, version: str) -> None:
    """Move the fragments into the changelog, under a heading of a version."""
    _towncrier(package, version, "--yes")
    # It leaves no blank line before the heading of the version before.
    changelog = package.folder / "CHANGELOG.md"
    changelog.write_text(re.sub(r"(?<!\n)\n## ", "\n\n## ", changelog.read_text()))


def draft(package: Package, version: str) -> str:
    """What `gather` would write."""
    return _towncrier(package, version, "--draft")


def since(package: Package, revision: str) -> list[str]:
    """The files of a package's distributions and image that differ from a commit's."""
    inside = [f"packages/{package.name}/{name}" for name in ("src", "pyproject.toml", "Dockerfile", "requirements.txt")]
    return git(package.root, "diff", "--name-only", revision, "--", *inside).splitlines()


def _towncrier(package: Package, version: str, *words: str) -> str:
    command = [sys.executable, "-m", "towncrier", "build", *words, "--version", version, "--date", ""]
    command += ["--dir", str(package.folder), "--config", str(package.folder / "pyproject.toml")]
    # It lets git remove the fragments, in the folder that it is run in.
    return subprocess.run(command, cwd=package.root, check=True, capture_output=True, text=True).stdout
