from datetime import UTC, datetime

import pytest
from mlyard_shared.registry.ledger import Move
from mlyard_shared.registry.succession import succession


def move(kind: str, to: int | None, state: str = "finished") -> Move:
    facts: dict[str, object] = {
        "id": "1",
        "model": "m",
        "from_version": None,
        "previous_before": None,
        "actor": "a",
        "reason": "r",
    }
    facts |= {"gate_report": None, "started_at": datetime(2026, 1, 1, tzinfo=UTC)}
    return Move.model_validate({**facts, "kind": kind, "to_version": to, "state": state})


@pytest.mark.parametrize(
    ("moves", "line"),
    [
        pytest.param([], [], id="no move"),
        pytest.param([("promotion", 1), ("promotion", 2)], [1, 2], id="promotions go on top"),
        pytest.param([("promotion", 1), ("promotion", 2), ("promotion", 1)], [2, 1], id="a version stands once"),
        pytest.param([("promotion", 1), ("promotion", 2), ("rollback", 1)], [1], id="a rollback steps down"),
        pytest.param([("promotion", 1), ("promotion", 2), ("found", 1)], [1], id="a rollback by hand steps down"),
        pytest.param([("promotion", 1), ("found", 2)], [1, 2], id="a promotion by hand goes on top"),
        pytest.param([("promotion", 1), ("found", None)], [1], id="a removal changes nothing"),
        pytest.param([("promotion", 1), ("promotion", 2, "withdrawn")], [1], id="a withdrawn move does not count"),
        pytest.param([("promotion", 1), ("promotion", 2, "open")], [1], id="an open move does not count"),
    ],
)
def test_the_line_of_champions(moves: list[tuple[str, int | None]], line: list[int]) -> None:
    assert succession(tuple(move(*facts) for facts in moves)) == line
