"""Which tests have passed with the files as they are: a release that goes on does not run those again."""

import hashlib
from pathlib import Path

from mlyard_release.releases import RECORD, git

NOTES = ".mlyard/release/passed"


def has(root: Path, command: str) -> bool:
    """Whether a command has passed with these files."""
    return _note(root, command).exists()


def note(root: Path, command: str) -> None:
    """Remember that a command has passed with these files."""
    file = _note(root, command)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def _note(root: Path, command: str) -> Path:
    # What is not committed counts too; nothing reads the record of commits but the release itself.
    state = git(root, "stash", "create").strip() or "HEAD"
    files = [line for line in git(root, "ls-tree", "-r", state).splitlines() if not line.endswith(f"\t{RECORD}")]
    return root / NOTES / hashlib.sha256("\n".join([command, *files]).encode()).hexdigest()
