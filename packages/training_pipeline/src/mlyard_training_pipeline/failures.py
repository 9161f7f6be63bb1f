"""What a person is told of an error that trying again does not change."""

import errno

from mlyard_shared.errors import MlyardError

LASTING = {
    errno.EACCES: "may not be read or written by this user",
    errno.EDQUOT: "cannot be written: the quota is used up",
    errno.EISDIR: "is a folder",
    errno.ENOENT: "is not there",
    errno.ENOSPC: "cannot be written: there is no space left on the disk",
    errno.ENOTDIR: "is not in a folder",
    errno.EPERM: "may not be read or written by this user",
    errno.EROFS: "cannot be written: the disk is read-only",
}
"""Errors of the operating system that last, as sentences on a file."""


def sentence(error: BaseException) -> str | None:
    """The sentence on a mistake, or on what the machine lacks; None for an error that nobody foresaw."""
    if isinstance(error, MlyardError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory for this training: use fewer columns or rows, or give it more memory"
    if isinstance(error, OSError) and error.errno in LASTING:
        return f"{error.filename or 'a file'} {LASTING[error.errno]}"
    return None
