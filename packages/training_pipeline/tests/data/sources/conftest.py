"""Real files of every kind, and the one way in which a table is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.sources import read_table
from pyarrow import parquet


class Read(Protocol):
    """Write content as a file or a folder of files, and read it as the table of a spec."""

    def __call__(self, content: Any, *, name: str = "t.csv", changes: Any = None, **source: Any) -> Any: ...


Refused = Callable[..., str]


def write(folder: Path, name: str, content: Any) -> None:
    """Write a text, bytes or an Arrow table as a file, or a mapping of them as a folder."""
    path = folder / name
    if isinstance(content, dict):
        for inner, of_file in content.items():
            write(path, inner, of_file)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, pa.Table):
        with path.open("wb") as stream:
            parquet.write_table(content, stream)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def read(spec: Callable[..., ModelSpec], tmp_path: Path) -> Read:
    def read_one(content: Any, *, name: str = "t.csv", changes: Any = None, **source: Any) -> Any:
        write(tmp_path, name, content)
        return read_table(spec(source={"path": name, **source}, **(changes or {})), tmp_path, {})

    return read_one


@pytest.fixture
def refused(read: Read, tmp_path: Path) -> Refused:
    """Return the sentence with which a table is refused, without the folder of the test."""

    def refusal(content: Any, **given: Any) -> str:
        with pytest.raises(TableError) as caught:
            read(content, **given)
        message = str(caught.value).replace(f"{tmp_path}/", "")
        assert "\n" not in message
        return message

    return refusal
