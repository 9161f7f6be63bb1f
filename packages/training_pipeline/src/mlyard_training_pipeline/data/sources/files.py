"""Which files belong to the path of a spec: one file, or every file of a folder."""

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from mlyard_shared.errors import TableError

Kind = Literal["csv", "parquet"]
Compression = Literal["gzip", "zstd"]

_KINDS: dict[str, tuple[Kind, Compression | None]] = {
    ".csv": ("csv", None),
    ".csv.gz": ("csv", "gzip"),
    ".csv.zst": ("csv", "zstd"),
    ".tsv": ("csv", None),
    ".tsv.gz": ("csv", "gzip"),
    ".tsv.zst": ("csv", "zstd"),
    ".parquet": ("parquet", None),
}
_READ = ".csv, .csv.gz, .csv.zst, .tsv or .parquet"
_PARTITION = re.compile(r"(?P<name>[^=]+)=(?P<value>.*)")
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_OTHER_THINGS = ("thumbs.db", "desktop.ini")
_TABLE_LOGS = {"_delta_log": "Delta Lake", ".hoodie": "Hudi"}
"""Folders of formats that keep files which no longer count."""


@dataclass(frozen=True)
class TableFile:
    """A file of a table; `partitions` are the columns that its folders' names give, with None for null."""

    path: Path
    kind: Kind
    compression: Compression | None
    partitions: tuple[tuple[str, str | None], ...] = ()

    @property
    def has_tabs(self) -> bool:
        """Whether the name says that tabs separate the cells."""
        return ".tsv" in (suffix.lower() for suffix in self.path.suffixes[-2:])


def table_files(path: Path) -> list[TableFile]:
    """Return the files of a table, in the order of their names.

    Hidden files are left alone; any other file that cannot be read is refused, so that no row is lost in silence.

    Args:
        path: a file, or a folder with files or partitions such as `year=2024`.

    Raises:
        TableError: it is missing, may not be read or is not a table, or the folder has a file that is not one.
    """
    if not _is_folder(path):
        return [_file(path, ())]
    files = list(_of_folder(path, ()))
    if not files:
        raise TableError(f"{path} has no file of a table: its files have to be {_READ}")
    return files


def _of_folder(folder: Path, partitions: tuple[tuple[str, str | None], ...]) -> Iterator[TableFile]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise TableError(f"{folder} cannot be read: {error.strerror}") from None
    for entry in entries:
        if entry.name in _TABLE_LOGS:
            raise TableError(
                f"{folder} is a {_TABLE_LOGS[entry.name]} table, in which not every file counts: write it as plain "
                "Parquet files"
            )
        if _is_hidden(entry):
            continue
        if not _is_folder(entry):
            yield _file(entry, partitions, of_folder=True)
        elif entry.is_symlink() and folder.resolve().is_relative_to(entry.resolve()):
            raise TableError(f"{entry} is a link to a folder that it lies in: take it out")
        elif partition := _PARTITION.fullmatch(entry.name):
            yield from _of_folder(entry, (*partitions, _partition(entry, partition)))
        else:
            raise TableError(
                f"{entry} is a folder within the folder of a table: move its files up, name it as a partition such as "
                f"{entry.name}=VALUE, or take it out"
            )


def _partition(folder: Path, found: re.Match[str]) -> tuple[str, str | None]:
    try:
        name, value = (unquote(found[part], errors="strict") for part in ("name", "value"))
    except UnicodeDecodeError:
        raise TableError(f"{folder}: the name of the partition is not UTF-8") from None
    return unicodedata.normalize("NFC", name), None if value == _NULL_PARTITION else value


def _is_hidden(entry: Path) -> bool:
    """Whether a file is a system's or a writer's own; a spec may lie beside its tables."""
    name = entry.name.lower()
    if name.startswith((".", "~$")) or name in _OTHER_THINGS or name.endswith(".toml"):
        return True
    return name.startswith("_") and _suffix(entry) is None and "=" not in name


def _file(path: Path, partitions: tuple[tuple[str, str | None], ...], *, of_folder: bool = False) -> TableFile:
    way_out = ", or take it out of the folder" if of_folder else ""
    if not stat.S_ISREG(_status(path).st_mode):
        raise TableError(f"{path} is not a file{way_out.replace(', or', ':', 1)}")
    suffix = _suffix(path)
    if suffix is None:
        raise TableError(f"{path} is not a file of a table, which are {_READ}: write it as one of them{way_out}")
    if of_folder and path.name.startswith("_"):
        raise TableError(f"{path} begins with _, as files do that do not count: rename it{way_out}")
    kind, compression = _KINDS[suffix]
    return TableFile(path, kind, compression, partitions)


def _suffix(path: Path) -> str | None:
    name = path.name.lower()
    return next((suffix for suffix in _KINDS if name.endswith(suffix)), None)


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(_status(path).st_mode)


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise TableError(f"{path} is a symbolic link to nothing: {path.readlink()} does not exist") from None
        raise TableError(f"{path} does not exist; source.path starts at the folder of the spec") from None
    except (OSError, ValueError) as error:  # a name with NUL is a ValueError
        raise TableError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
