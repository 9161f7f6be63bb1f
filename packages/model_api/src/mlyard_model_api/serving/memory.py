"""How much memory this process may use, how much of it is free, and what a version needs at the least."""

import ctypes
import gc
import os
import resource
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mlyard_shared.manifest import Manifest

CGROUPS = Path("/sys/fs/cgroup")
PROCESS = Path("/proc/self")
MACHINE = Path("/proc/meminfo")
# Limit, use, and the pages of files in that use, in control groups of version 2 and 1.
_V2 = ("memory.max", "memory.current", ("inactive_file", "active_file"))
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file"))


def limit() -> int:
    """The most memory that this process may use: its container's, its own, or the machine's."""
    found = [bound for bound, _ in _cgroups()]
    found += [bound for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA) if (bound := _rlimit(kind)) is not None]
    return min([*found, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")])


def free() -> int:
    """How much more this process may use now. The pages of files count as free, since the kernel takes them back."""
    found = [bound - used for bound, used in _cgroups()]
    for kind, field in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        bound = _rlimit(kind)
        if bound is not None:
            found.append(bound - _figures(PROCESS / "status").get(field, 0))
    of_machine = _figures(MACHINE).get("MemAvailable")
    if of_machine is not None:
        found.append(of_machine)
    return max(0, min(found, default=limit()))


def peak() -> int:
    """The most memory that this process ever had; 0 where that cannot be told."""
    # Not getrusage: there a new process begins with the figure of the one that started it.
    return _figures(PROCESS / "status").get("VmHWM", 0)


def needed(folder: Path, manifest: Manifest) -> int:
    """What the engine of a version takes at the least: the size of its file, unpacked."""
    files = {engine.kind: folder / engine.file for engine in manifest.engines if engine.whole}
    if "onnx" in files and manifest.onnx is not None and manifest.onnx.holds:
        return files["onnx"].stat().st_size
    if "skops" not in files:
        return 0
    try:
        with zipfile.ZipFile(files["skops"]) as archive:
            return sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        return 0


def give_back() -> None:
    """Return to the system what was freed."""
    gc.unfreeze()
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def settle() -> None:
    """Let Python look for garbage no more among what is here now: to look through all of it stops the process for long.

    What is let go of later is freed all the same, but for what refers to itself: that is found the next time.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def shown(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1024**3:.1f} GiB" if size >= 1024**3 else f"{size / 1024**2:.0f} MiB"


def _cgroups() -> Iterator[tuple[int, int]]:
    """Limit and use of every control group around this process that has a limit."""
    try:
        lines = (PROCESS / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number != "0" and "memory" not in controllers.split(","):
            continue
        root, names = (CGROUPS, _V2) if number == "0" else (CGROUPS / "memory", _V1)
        own = root / path.strip("/")
        # In a container the path may be the host's, and what is at the root is the container's own.
        for place in (own, *own.parents):
            if root in (place, *place.parents) and (found := _cgroup(place, *names)) is not None:
                yield found


def _cgroup(place: Path, limit_file: str, use_file: str, files: tuple[str, ...]) -> tuple[int, int] | None:
    try:
        bound = (place / limit_file).read_text().strip()
        if not bound.isdecimal() or int(bound) >= 1 << 60:
            return None
        stat = dict(line.split(maxsplit=1) for line in (place / "memory.stat").read_text().splitlines())
        of_files = sum(int(stat.get(name, 0)) for name in files)
        return int(bound), max(0, int((place / use_file).read_text()) - of_files)
    except (OSError, ValueError):
        return None


def _rlimit(kind: int) -> int | None:
    soft, _ = resource.getrlimit(kind)
    return None if soft == resource.RLIM_INFINITY else soft


def _figures(file: Path) -> dict[str, int]:
    """The sizes in one of the kernel's files, in bytes."""
    try:
        words = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in words if len(line) == 3 and line[2] == "kB"}
