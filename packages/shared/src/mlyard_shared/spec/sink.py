"""What a spec says of batch scoring: where the predictions go, and a place written as one text."""

import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.spec.names import Slug

_TABLE = re.compile(r"(?P<connection>[a-z][a-z0-9_-]{0,62})\.(?P<table>[^/\\:]+)")
_QUERY = re.compile(r"(?P<connection>[a-z][a-z0-9_-]{0,62}):\s*(?P<query>(select|with)\b.*)", re.IGNORECASE | re.DOTALL)
_FILES = re.compile(r".*\.(csv|tsv|parquet)(\.gz|\.zst)?", re.IGNORECASE | re.DOTALL)


class Sink(Contract):
    """A Parquet file, a folder that each job adds a file to, or a table over a connection named in the settings.

    `existing` says what becomes of the rows that a table or a file has already: a table or a folder keeps them where
    it is not said, and a file, which cannot be added to, is replaced.
    """

    path: str | None = Field(None, min_length=1)
    connection: Slug | None = None
    table: str | None = Field(None, min_length=1)
    existing: Literal["refuse", "append", "replace"] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.path is None) == (self.connection is None and self.table is None):
            raise ValueError("give either path, or connection and table")
        if self.path is None and (self.connection is None or self.table is None):
            raise ValueError("connection and table go together")
        if self.path is not None and self.existing is not None:
            if self.is_file and self.existing == "append":
                raise ValueError("a Parquet file cannot be added to: give a folder or a table, or existing = replace")
            if not self.is_file and self.existing == "replace":
                raise ValueError("a folder is added to: give a path that ends with .parquet for a file to be replaced")
        return self

    @property
    def is_file(self) -> bool:
        """Whether it is one Parquet file."""
        return self.path is not None and self.path.lower().endswith(".parquet")

    @property
    def shown(self) -> str:
        """How a person would write it."""
        return self.path if self.path is not None else f"{self.connection}.{self.table}"


def input_place(text: str) -> dict[str, str]:
    """The keys of a `Source` for a table written as one text: a path, CONNECTION.TABLE, or CONNECTION: SELECT ..."""
    if found := _QUERY.fullmatch(text):
        return found.groupdict()
    if found := _table(text):
        parts = found["table"].split(".")
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in parts)
        return {"connection": found["connection"], "query": f"SELECT * FROM {quoted}"}  # noqa: S608 - each name is quoted
    return {"path": text}


def output_place(text: str) -> dict[str, str]:
    """The keys of a `Sink` written as one text: a path, or CONNECTION.TABLE."""
    found = _table(text)
    return found.groupdict() if found else {"path": text}


def place_or_table(given: Any, place: Any) -> Any:
    """A table of keys as it is, and a text as the keys that it stands for."""
    return place(given) if isinstance(given, str) else given


def _table(text: str) -> re.Match[str] | None:
    return None if _FILES.fullmatch(text) else _TABLE.fullmatch(text)
