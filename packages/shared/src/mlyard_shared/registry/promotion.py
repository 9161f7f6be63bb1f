"""Promotion and rollback: the only code that moves `champion` and `previous`.

A move is entered in the ledger as an intent, then `previous` moves, then `champion`, then the intent is finished. A
crash at any point leaves the old champion or the new one, and the next call finishes or withdraws the intent.

MLflow has no compare-and-set. Instead, a caller goes on only while its intent is the one open intent, and whatever
`previous` points to is derived from the ledger, so that a move that was cut short or overtaken cannot leave it wrong.
"""

import random
import time
from collections.abc import Callable

from mlyard_shared.errors import ModelNotFound, PromotionConflict
from mlyard_shared.registry.client import Registry
from mlyard_shared.registry.ledger import Ledger, Move, MoveKind
from mlyard_shared.registry.succession import point_previous, succession
from mlyard_shared.registry.version import ModelVersion, check_own

LEASE_SECONDS = 15.0
"""How long another caller's open intent is waited for. A move takes about a second."""

ATTEMPTS = 8
"""How often a caller that meets another one steps back and tries again."""


def promote(
    registry: Registry,
    name: str,
    version: int,
    *,
    actor: str,
    reason: str,
    gate_report: str | None = None,
    lease: float = LEASE_SECONDS,
) -> Move:
    """Make a version the champion. Promoting the champion again changes nothing and returns its move.

    Raises:
        ModelNotFound: there is no such version.
        ModelVersionRefused: the version was not registered by mlyard.
        PromotionConflict: another move overtook this one.
    """
    ledger = Ledger(registry, name)
    target = registry.version(name, version)
    check_own(target)

    def attempt() -> Move | None:
        settle(ledger, "promotion", actor=actor, target=version, lease=lease)
        champion = registry.find(name, "champion")
        if champion is not None and champion.version == version:
            # Whoever was taken for crashed in between has left it.
            _clear_challenger(ledger, version)
            # None after a settled ledger: it was moved by hand a moment ago.
            return next((move for move in reversed(ledger.moves()) if move.state == "finished"), None)
        intent = _intend(
            ledger, "promotion", origin=champion, target=target, actor=actor, reason=reason, gate_report=gate_report
        )
        return intent and _carry_out(ledger, intent, target)

    return _insist(attempt, name)


def rollback(registry: Registry, name: str, *, actor: str, reason: str, lease: float = LEASE_SECONDS) -> Move:
    """Make the version that `previous` names the champion again.

    `previous` then names the champion before that one, so that a second rollback goes one step further back and
    never returns to the version that was just left. Where the same actor's rollback was cut short after it moved the
    champion, this finishes that one and goes no step further.

    Raises:
        ModelNotFound: there is nothing to go back to.
        ModelVersionRefused: the version was not registered by mlyard.
        PromotionConflict: another move overtook this one.
    """
    ledger = Ledger(registry, name)

    def attempt() -> Move | None:
        finished = settle(ledger, "rollback", actor=actor, target=None, lease=lease)
        if own := [move for move in finished if (move.kind, move.actor) == ("rollback", actor)]:
            return own[-1]
        champion = registry.find(name, "champion")
        target = registry.find(name, "previous")
        if champion is None:
            raise ModelNotFound(f"model {name!r} has no champion to roll back")
        if target is None:
            raise ModelNotFound(f"model {name!r} has no version to go back to from version {champion.version}")
        check_own(target)
        intent = _intend(
            ledger,
            "rollback",
            origin=champion,
            target=target,
            actor=actor,
            reason=reason,
            gate_report=target.gate_report,
        )
        return intent and _carry_out(ledger, intent, target)

    return _insist(attempt, name)


def settle(ledger: Ledger, kind: MoveKind, *, actor: str, target: int | None, lease: float) -> tuple[Move, ...]:
    """Leave no open intent: finish it if its champion serves, withdraw it if not; then enter what the ledger missed.

    Another caller's intent is given `lease` seconds first. One for the same move by the same actor is what a crashed
    call left behind, and is settled at once. Returns the moves that were finished here.
    """
    deadline = time.monotonic() + lease
    while True:
        moves = ledger.moves()
        intents = [move for move in moves if move.state == "open"]
        own = [m for m in intents if (m.kind, m.actor) == (kind, actor) and target in {None, m.to_version}]
        if own == intents or time.monotonic() >= deadline:
            break
        time.sleep(0.25)
    finished: list[Move] = []
    for intent in intents:
        champion = ledger.registry.find(ledger.model, "champion")
        if (champion.version if champion else None) == intent.to_version:
            finished.append(_conclude(ledger, intent))
        else:
            ledger.withdraw(intent)
    if intents:
        moves = ledger.moves()
    if ledger.enter_found(moves) is not None:
        moves = ledger.moves()
    _mend_previous(ledger, moves)
    return tuple(finished)


def _insist(attempt: Callable[[], Move | None], model: str) -> Move:
    """Try until the move is made; None from an attempt says that somebody else was at it and nothing was moved."""
    for _ in range(ATTEMPTS):
        move = attempt()
        if move is not None:
            return move
        time.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - two callers that step back must not return in step
    raise PromotionConflict(f"others are moving {model} at the same time; try again")


def _intend(
    ledger: Ledger,
    kind: MoveKind,
    *,
    origin: ModelVersion | None,
    target: ModelVersion,
    actor: str,
    reason: str,
    gate_report: str | None,
) -> Move | None:
    """The open intent of a move that may begin, or None where somebody else has begun one or has just finished it."""
    previous = ledger.registry.find(ledger.model, "previous")
    intent = ledger.open(
        kind,
        origin=origin.version if origin else None,
        target=target.version,
        previous=previous.version if previous else None,
        actor=actor,
        reason=reason,
        gate_report=gate_report,
    )
    champion = ledger.registry.find(ledger.model, "champion")
    if champion == origin and ledger.is_alone(intent):
        return intent
    ledger.withdraw(intent)
    return None


def _carry_out(ledger: Ledger, intent: Move, target: ModelVersion) -> Move | None:
    """Move the aliases; None where another promotion by the same actor took this one for crashed, and enters it."""
    made = intent.model_copy(update={"state": "finished"})
    point_previous(ledger.registry, ledger.model, succession((*ledger.moves(), made)))
    if not ledger.is_open(intent):
        _mend_previous(ledger, ledger.moves())
        raise PromotionConflict(f"this move of {ledger.model} to version {target.version} was overtaken; try again")
    ledger.registry.set_alias(target, "champion")
    # A rollback is not tried again, as that would go back one step further.
    if intent.kind == "promotion" and not ledger.is_open(intent):
        return None
    move = _conclude(ledger, intent)
    _mend_previous(ledger, ledger.moves())
    return move


def _conclude(ledger: Ledger, intent: Move) -> Move:
    _clear_challenger(ledger, intent.to_version)
    return ledger.finish(intent)


def _clear_challenger(ledger: Ledger, champion: int | None) -> None:
    """Take the alias `challenger` from the version that has become the champion."""
    challenger = ledger.registry.find(ledger.model, "challenger")
    if challenger is not None and challenger.version == champion:
        ledger.registry.clear_alias(ledger.model, "challenger")


def _mend_previous(ledger: Ledger, moves: tuple[Move, ...]) -> None:
    """Point `previous` to what these moves say, unless one is under way, which does so itself."""
    while all(move.state != "open" for move in moves):
        changed = point_previous(ledger.registry, ledger.model, succession(moves))
        # What was just written may have been out of date already.
        if not changed or (seen := ledger.moves()) == moves:
            break
        moves = seen
