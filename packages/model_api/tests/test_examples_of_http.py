"""Today's API reads the requests of every release of this HTTP contract, and its answers say what those did."""

import asyncio
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mlyard_model_api.routes.openapi.document import CONTRACT_VERSION

from .golden import record_http

FILES = sorted(record_http.FOLDER.glob("*.json"))
OWN = {"id", "instance", "loaded_at", "reason"}
"""What each process says in its own way."""


def exchanges() -> list[Any]:
    return [
        pytest.param(file.stem, title, id=f"{file.stem} {title}")
        for file in FILES
        for title in json.loads(file.read_text())
    ]


@cache
def recorded(release: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((record_http.FOLDER / f"{release}.json").read_text())
    return found


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What today's API answers to all of them."""

    async def ask() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as name:
            async with record_http.serving(Path(name)) as client:
                return {
                    json.dumps(one["request"]): await record_http.ask(client, one["request"])
                    for file in FILES
                    for one in recorded(file.stem).values()
                }

    return asyncio.run(ask())


@pytest.mark.parametrize(("release", "title"), exchanges())
def test_what_was_answered_is_answered(answers: dict[str, Any], release: str, title: str) -> None:
    was = recorded(release)[title]
    now = answers[json.dumps(was["request"])]
    assert now["status"] == was["status"], now
    assert now["type"] in (was["type"], "application/problem+json"), now
    says_as_much(now["answer"], was["answer"], "answer")


def says_as_much(now: Any, was: Any, where: str) -> None:
    """Each key is there, and what a program reads of it is the same; there may be more of them."""
    if isinstance(was, dict):
        for name, value in was.items():
            assert name in now, f"{where}.{name}"
            says_as_much(now[name], value, f"{where}.{name}")
    elif isinstance(was, list):
        assert len(now) == len(was), where
        for position, value in enumerate(was):
            says_as_much(now[position], value, f"{where}.{position}")
    elif isinstance(was, float):
        # In which order a product of matrices is summed depends on the processor.
        assert now == pytest.approx(was, rel=1e-9), where
    elif where.rpartition(".")[2] in OWN | {"message", "detail", "title"}:
        assert type(now) is type(was), where
    else:
        assert (now, type(now)) == (was, type(was)), where


def test_there_are_examples_of_this_contract() -> None:
    assert [record_http.FOLDER.name, FILES[0].stem] == [CONTRACT_VERSION, "0.2.0"]
