"""What stands at the end of `ensure`, against an API that answers as a test says."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlyard_training_pipeline.orchestration.client import summary
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context
from rich.console import Console

from ..conftest import Api, free_port

READY = {"status": "ready", "reasons": []}


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "READY_SECONDS", 1.0)
    monkeypatch.setattr(summary, "SETTLED_SECONDS", 0.1)
    monkeypatch.setattr(summary, "PAUSE", 0.05)


@pytest.fixture
def shown(context: Context, tmp_path: Path) -> Callable[..., str]:
    """What is shown with these settings, where no model has a champion."""
    (tmp_path / "models").mkdir()

    def show(**settings: str) -> str:
        console = Console(file=io.StringIO(), width=40)
        values = {**context.settings.model_dump(), "models": tmp_path / "models", **settings}
        summary.show(Settings.model_validate(values), console, open_context=lambda: context)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert isinstance(text, str)
        return text

    return show


def test_without_settings_nothing_is_shown(shown: Callable[..., str]) -> None:
    assert shown() == ""


def test_lines_are_shown_as_they_are_in_a_narrow_terminal(shown: Callable[..., str]) -> None:
    lines = "Airflow  http://localhost:8080  [admin]: docker compose run --rm secrets show\nMLflow   :smile:\n"
    assert shown(addresses=lines) == f"\n{lines}"


def test_an_api_that_is_ready_is_the_last_line(shown: Callable[..., str], api: Api) -> None:
    api.answers = [(200, READY)]
    assert shown(model_api_url=api.url, model_api_address="http://localhost:8000").splitlines()[-1] == (
        "The model API is ready: http://localhost:8000"
    )


def test_without_a_champion_its_first_answer_is_shown_at_once(shown: Callable[..., str], api: Api) -> None:
    api.answers = [(503, {"status": "not ready", "reasons": ["no model has a champion", "poll"]}), (200, READY)]
    assert shown(model_api_url=api.url) == "\nThe model API is not ready: no model has a champion; poll\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param((503, {"reasons": ["it loads"]}), "it loads", id="reasons"),
        pytest.param((404, "<p>nginx"), 'status 404: "<p>nginx"', id="something else"),
    ],
)
def test_an_api_that_does_not_get_ready_is_said_with_its_reason(
    api: Api, context: Context, answer: tuple[int, Any], reason: str
) -> None:
    api.answers = [answer]
    said = summary._readiness(Settings(model_api_url=api.url), has_champion=True)
    assert said == f"The model API is not ready: after 1 s: {reason}"


def test_an_api_that_does_not_run_is_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    said = summary._readiness(Settings(model_api_url=url), has_champion=True)
    assert said.startswith(f"The model API is not ready: after 1 s: it does not answer at {url} (")


def test_it_counts_as_ready_when_it_stays_so(api: Api) -> None:
    api.answers = [(200, READY), (503, {"reasons": ["it loads houses"]}), (200, READY)]
    assert "is ready" in summary._readiness(Settings(model_api_url=api.url), has_champion=True)
    assert api.asked > 3


def test_no_proxy_comes_between(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    api.answers = [(200, READY)]
    assert "is ready" in summary._readiness(Settings(model_api_url=api.url), has_champion=True)
