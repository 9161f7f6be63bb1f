"""The one way in which a query is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.sources import read_table
from pydantic import SecretStr

Ask = Callable[..., Any]


@pytest.fixture
def ask(spec: Callable[..., ModelSpec], tmp_path: Path) -> Ask:
    """Read a query over one connection."""

    def read(url: str, query: str, *, name: str = "warehouse", known: str = "warehouse", **source: Any) -> Any:
        made = spec(source={"connection": name, "query": query, **source})
        return read_table(made, tmp_path, {known: SecretStr(url)})

    return read


@pytest.fixture
def said() -> Ask:
    """Return the sentence, of one line and without a password, of the error that a call ends with."""

    def sentence(error: type[Exception], call: Callable[[], Any]) -> str:
        with pytest.raises(error) as caught:
            call()
        message = str(caught.value)
        assert type(caught.value) is error
        assert "\n" not in message
        assert "hunter2" not in message
        assert "s3cret" not in message
        return message

    return sentence
