"""What `init` was asked for."""

import difflib
import os
import re
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple, Self

from mlyard_shared.errors import SpecError, TableError
from mlyard_shared.spec import Source
from mlyard_shared.spec.problems import problems
from pydantic import ValidationError

_SLUG = re.compile("[a-z][a-z0-9_-]{0,62}")
_ENDINGS = re.compile(r"\.(csv|tsv|parquet)(\.gz|\.zst)?$", re.IGNORECASE)
_LONGEST = 63


class Request(NamedTuple):
    """A table, its target, and where the spec goes; `source` are the keys of the spec's [source]."""

    source: dict[str, Any]
    target: str
    name: str
    output: Path
    force: bool

    @classmethod
    def of(
        cls,
        *,
        table: Path | None,
        query: str | None,
        connection: str | None,
        target: str,
        name: str | None,
        output: Path | None,
        force: bool,
    ) -> Self:
        """Take the arguments of the command.

        Raises:
            TableError: the table does not exist.
        SpecError: they do not go together, the name cannot be a model's, or the output cannot be written.
        """
        shown = str(output or "init")
        if (table is None) == (query is None and connection is None):
            raise SpecError(shown, ("give either a table, or --query and --connection",))
        if table is None and (query is None or connection is None):
            raise SpecError(shown, ("--query and --connection go together",))
        if not target.strip():
            raise SpecError(shown, ("--target is empty: name the column that is to be predicted",))
        slug = name or _slug(table.absolute().name if table is not None else f"{connection}-{target}")
        if not _SLUG.fullmatch(slug):
            raise SpecError(
                shown,
                (f"--name {slug!r} is not a model's name: give one of a-z, 0-9, - and _ that begins with a letter",),
            )
        file = output or Path(f"{slug}.toml")
        if table is not None and not table.exists():
            raise TableError(_absent(table))
        _check_output(file, force=force)
        source = {"connection": connection, "query": query} if table is None else {"path": _path(table, file)}
        try:
            Source.model_validate(source)
        except ValidationError as error:
            raise SpecError("--connection", problems(error, Source)) from None
        return cls(source, unicodedata.normalize("NFC", target), slug, file, force)


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", _ENDINGS.sub("", text)).encode("ascii", "ignore").decode().lower()
    found = re.sub("[^a-z0-9_-]+", "-", plain).strip("-_")
    return (found if found[:1].isalpha() else f"model-{found}".rstrip("-"))[:_LONGEST]


def _path(table: Path, output: Path) -> str:
    """The table as seen from the folder of the spec, so that both can be moved together."""
    return os.path.relpath(table.absolute(), output.absolute().parent)


def _absent(table: Path) -> str:
    try:
        beside = [entry.name for entry in table.absolute().parent.iterdir()]
    except OSError:
        return f"{table} does not exist, nor does its folder"
    near = difflib.get_close_matches(table.name, beside, n=1)
    return f"{table} does not exist" + (f"; did you mean {str(table.with_name(near[0]))!r}?" if near else "")


def _check_output(file: Path, *, force: bool) -> None:
    if file.suffix != ".toml":
        raise SpecError(str(file), ("a spec is a file that ends with .toml: give another --output",))
    if not file.absolute().parent.is_dir():
        raise SpecError(str(file), ("its folder does not exist: make it, or give another --output",))
    if file.is_dir():
        raise SpecError(str(file), ("is a folder: give another --output",))
    if file.exists() and not force:
        raise SpecError(str(file), ("exists already: give another --output, or --force to write over it",))
