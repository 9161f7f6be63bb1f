"""What is told. An event's id is made of what happened, so that whoever sees it again makes the same one."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from mlyard_shared.contract import Contract
from mlyard_shared.gate import GateReport
from mlyard_shared.registry import Move

RECENT = timedelta(days=1)
"""Moves of a champion that are older are no longer told."""


class Event(Contract):
    """Something that happened: `data` for a program, `text` for a person."""

    id: str
    type: Literal["training.failed", "gate.held", "champion.promoted", "champion.rolled_back"]
    timestamp: datetime
    text: str
    data: dict[str, Any]


def training_failed(model: str, run_key: str, reason: str) -> Event:
    """A training ended without a verdict; it is the same one whoever notices."""
    text = f"the training of {model} failed: {reason}"
    data = {"model": model, "run": run_key, "reason": reason}
    return Event(id=_id("failed", model, run_key), type="training.failed", timestamp=_now(), text=text, data=data)


def gate_held(model: str, version: int, run_id: str, report: GateReport) -> Event:
    """A version does not become the champion."""
    text = f"version {version} of {model} does not become the champion: the gate: {report.verdict}"
    data = {"model": model, "version": version, "run_id": run_id, "outcome": report.outcome, "reasons": report.reasons}
    return Event(id=_id("held", model, run_id), type="gate.held", timestamp=_now(), text=text, data=data)


def moved(moves: Iterable[Move]) -> list[Event]:
    """The moves of a champion that were made within a day, one made by hand in MLflow's page among them."""
    made = [move for move in moves if move.state == "finished" and move.to_version is not None]
    return [_moved(move) for move in made if _now() - move.started_at < RECENT]


def _moved(move: Move) -> Event:
    back = move.kind == "rollback"
    instead = f", instead of version {move.from_version}" if move.from_version else ""
    text = (
        f"version {move.to_version} of {move.model} is the champion{' again' if back else ''}{instead}: "
        f"{move.actor}: {move.reason}"
    )
    return Event(
        id=_id("move", move.model, move.id),
        type="champion.rolled_back" if back else "champion.promoted",
        timestamp=move.started_at,
        text=text,
        data={
            "model": move.model,
            "version": move.to_version,
            "instead_of": move.from_version,
            "actor": move.actor,
            "reason": move.reason,
        },
    )


def _id(*facts: str) -> str:
    return f"msg_{hashlib.sha256(chr(0).join(facts).encode()).hexdigest()[:32]}"


def _now() -> datetime:
    return datetime.now(UTC)
