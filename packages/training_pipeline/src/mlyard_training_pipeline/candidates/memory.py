"""How much memory there is: the container's limit, or the machine's own."""

import os
from pathlib import Path

_UNIFIED = Path("/sys/fs/cgroup")
_FIRST = Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limit(groups: str | None = None, root: Path = _UNIFIED) -> int:
    """The bytes that this process may take: the smallest limit of its control groups, at most what is built in.

    Args:
        groups: what `/proc/self/cgroup` says; read from there by default.
        root: where the control groups are mounted.
    """
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_number(folder / "memory.max") for folder in control_groups(groups, root)] + [_number(_FIRST)]
    return min([installed, *(found for found in limits if found is not None)])


def control_groups(groups: str | None = None, root: Path = _UNIFIED) -> list[Path]:
    """The folders of this process's control group and of those around it, as `limit` reads them."""
    text = _text(Path("/proc/self/cgroup")) if groups is None else groups
    own = next((line[3:].lstrip("/") for line in text.splitlines() if line.startswith("0::")), "")
    folder = root / own
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdigit() and int(text) > 0 else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
