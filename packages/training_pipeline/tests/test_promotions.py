import io
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from mlyard_shared.registry import Move
from mlyard_training_pipeline.interruption import Interrupted
from mlyard_training_pipeline.promotions import print_history, promote, rollback
from mlyard_training_pipeline.settings import Settings
from rich.console import Console

MOVE = Move(
    id="1",
    kind="promotion",
    state="finished",
    model="penguins",
    from_version=None,
    to_version=1,
    previous_before=None,
    actor="ada",
    reason="the first\none",
    gate_report=None,
    started_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
)


MOVES: dict[str, Callable[[Settings, str], str]] = {
    "promote": lambda settings, model: promote(settings, model, 1, reason="x"),
    "rollback": lambda settings, model: rollback(settings, model, reason="x"),
}


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def print_to(*, terminal: bool) -> str:
        monkeypatch.setattr("mlyard_shared.registry.history", lambda registry, model: (MOVE,))
        output = io.StringIO()
        print_history(Settings(), "penguins", console=Console(file=output, force_terminal=terminal, width=120))
        return output.getvalue()

    return print_to


def test_a_piped_history_is_one_line_a_move_with_tabs_between_the_fields(printed: Any) -> None:
    fields = ["2026-01-31 12:00:00Z", "promotion", "finished", "-", "1", "ada", "the first one"]
    assert printed(terminal=False) == "\t".join(fields) + "\n"


def test_a_history_on_a_terminal_is_a_table(printed: Any) -> None:
    shown = printed(terminal=True)
    assert "actor" in shown
    assert "the first one" in shown


@pytest.mark.parametrize("move", MOVES)
def test_a_move_that_is_stopped_says_where_to_look_and_how_to_finish_it(
    move: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr(f"mlyard_shared.registry.{move}", stopped)
    with pytest.raises(Interrupted, match=r"^stopped: `history penguins` says whether its champion moved"):
        MOVES[move](Settings(), "penguins")
