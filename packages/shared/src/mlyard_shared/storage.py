"""What an error of the file system comes from, and the way out that fits."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

Cause = Literal["full", "denied", "read-only", "broken", "missing", "exhausted"]

_CAUSES: dict[int, Cause] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EROFS: "read-only",
    errno.EIO: "broken",
    errno.ESTALE: "broken",
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EISDIR: "missing",
    errno.EEXIST: "missing",
    errno.ENAMETOOLONG: "missing",
    errno.ELOOP: "missing",
    errno.EMFILE: "exhausted",
    errno.ENFILE: "exhausted",
}
_WORDS = {
    errno.ENOSPC: ("its disk is full", "free space there"),
    errno.EDQUOT: ("its quota is used up", "free space there, or have the quota raised"),
    errno.EFBIG: ("the file would be larger than the limit", "raise that (`ulimit -f`)"),
    errno.EROFS: ("its disk is mounted read-only", "mount it for writing; a disk with errors is mounted so as well"),
    errno.EIO: ("its disk reports an error", "look at the disk and at the system's log"),
    errno.ESTALE: ("its disk was mounted anew", "start what uses it again"),
    errno.ENOENT: ("there is no such file or folder", "see whether the name is right and its disk is mounted"),
    errno.ENOTDIR: ("it does not lie in a folder", "see whether the name is right"),
    errno.EISDIR: ("it is a folder", "name a file"),
    errno.EEXIST: ("there is something else of that name", "move it away"),
    errno.ENAMETOOLONG: ("the name is too long", "shorten it"),
    errno.ELOOP: ("its links lead in a circle", "take one of them out"),
    errno.EMFILE: ("too many files are open", "raise that limit (`ulimit -n`)"),
    errno.ENFILE: ("too many files are open", "raise the system's limit (fs.file-max)"),
}
NO_ROOM = 4096
"""Bytes; nothing can be written where fewer are free."""


class StorageFault(NamedTuple):
    """What is wrong with a place, and what to do about it."""

    cause: Cause
    place: str
    reason: str
    way_out: str

    def sentence(self, *, doing: str = "", setting: str = "") -> str:
        """What cannot be done, why, and the way out; a further one is the setting, where one names the place."""
        doing = doing or ("write into" if self.cause in {"full", "read-only"} else "use")
        if not setting and Path(self.place).is_relative_to(tempfile.gettempdir()):
            setting = "TMPDIR"
        elsewhere = f", or set {setting} to another place" if setting and self.cause != "exhausted" else ""
        return f"cannot {doing} {self.place} ({self.reason}): {self.way_out}{elsewhere}"


def storage_fault(error: OSError, *places: str | os.PathLike[str]) -> StorageFault | None:
    """Explain an error of the file system; None for one of another kind, such as of the network.

    Args:
        error: as it was raised. Its file counts, where it names one.
        places: folders that were written to, the likeliest first. Temporary files may always be among them.
    """
    folders = [Path(place) for place in places]
    number = error.errno
    if number is None and type(error) is OSError and _fullest(folders)[1] < NO_ROOM:
        number = errno.ENOSPC  # NumPy tells only how much it has written
    cause = _CAUSES.get(number) if number is not None else None
    if number is None or cause is None:
        return None
    place = os.fsdecode(error.filename) if error.filename else str(_place(cause, folders))
    return StorageFault(cause, place, *_words(number, place))


def full_disk(place: str | os.PathLike[str], *, least: int = NO_ROOM) -> StorageFault | None:
    """The fault of a place on whose disk fewer bytes than these are free, before something is written there."""
    folder = Path(place)
    if _free(folder) >= least and not _lacks_files(folder):
        return None
    return StorageFault("full", str(folder), *_words(errno.ENOSPC, str(folder)))


def _place(cause: Cause, folders: list[Path]) -> Path | str:
    """The place of an error that names none: which disk is full can be seen."""
    return _fullest(folders)[0] if cause == "full" else next(iter(folders), "a file")


def _fullest(folders: list[Path]) -> tuple[Path, int]:
    """The place with the least space, and that in bytes."""
    everywhere = [*folders, Path(tempfile.gettempdir())]
    return min(((folder, _free(folder)) for folder in everywhere), key=lambda found: found[1])


def _words(number: int, place: str) -> tuple[str, str]:
    if number in (errno.EACCES, errno.EPERM):
        user = os.getuid()
        return f"the user {user} may not", f"let the user {user} read and write there"
    if number == errno.ENOSPC and _lacks_files(Path(place)):
        return "its disk takes no further file", "delete files there"
    return _WORDS[number]


def _disk(place: Path) -> os.statvfs_result:
    """The disk of a place, which need not be there yet."""
    return os.statvfs(next((folder for folder in (place, *place.parents) if folder.exists()), Path()))


def _free(place: Path) -> int:
    found = _disk(place)
    return found.f_bavail * found.f_frsize


def _lacks_files(place: Path) -> bool:
    """Whether a disk has space and no inode left, which the system calls full as well."""
    found = _disk(place)
    return bool(found.f_files) and not found.f_favail and found.f_bavail > 0
