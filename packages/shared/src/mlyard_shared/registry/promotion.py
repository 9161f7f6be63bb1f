"""Promotion and rollback: the only code that moves `champion` and `previous`.

A move is entered in the ledger as an intent, then `previous` moves, then `champion`, then the intent is finished. A
crash at any point leaves the old champion or the new one, and the next call finishes or withdraws the intent.
"""

import time

from mlyard_shared.errors import ModelNotFound, PromotionConflict
from mlyard_shared.registry.client import ModelVersion, Registry, check_own
from mlyard_shared.registry.ledger import Ledger, Move, MoveKind

LEASE_SECONDS = 15.0
"""How long another caller's open intent is waited for. A move takes well under a second."""


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
    settle(ledger, actor=actor, target=version, lease=lease)
    champion = registry.find(name, "champion")
    if champion == target:
        return [move for move in ledger.moves() if move.state == "finished"][-1]
    return _move(
        ledger,
        "promotion",
        champion=champion,
        target=target,
        new_previous=champion.version if champion else None,
        actor=actor,
        reason=reason,
        gate_report=gate_report,
    )


def rollback(registry: Registry, name: str, *, actor: str, reason: str, lease: float = LEASE_SECONDS) -> Move:
    """Make the version that `previous` names the champion again.

    `previous` then names the champion before that one, so that a second rollback goes one step further back and
    never returns to the version that was just left.

    Raises:
        ModelNotFound: there is nothing to go back to.
        PromotionConflict: another move overtook this one.
    """
    ledger = Ledger(registry, name)
    settle(ledger, actor=actor, target=None, lease=lease)
    champion = registry.find(name, "champion")
    target = registry.find(name, "previous")
    if champion is None:
        raise ModelNotFound(f"model {name!r} has no champion to roll back")
    if target is None or target == champion:
        raise ModelNotFound(f"model {name!r} has no previous champion: version {champion.version} was the first")
    check_own(target)
    line = succession(ledger.moves())
    before = line[: line.index(target.version)] if target.version in line else []
    return _move(
        ledger,
        "rollback",
        champion=champion,
        target=target,
        new_previous=before[-1] if before else None,
        actor=actor,
        reason=reason,
        gate_report=target.gate_report,
    )


def settle(ledger: Ledger, *, actor: str, target: int | None, lease: float) -> None:
    """Leave no open intent: finish it if its champion serves, withdraw it if not; then enter what the ledger missed.

    Another caller's intent is given `lease` seconds first. One by the same actor for the same version is what a
    crashed call left behind, and is settled at once.
    """
    deadline = time.monotonic() + lease
    while True:
        intents = [move for move in ledger.moves() if move.state == "open"]
        others = [move for move in intents if (move.actor, move.to_version) != (actor, target)]
        if not others or time.monotonic() >= deadline:
            break
        time.sleep(0.25)
    for intent in intents:
        champion = ledger.registry.find(ledger.model, "champion")
        if champion is not None and champion.version == intent.to_version:
            _conclude(ledger, intent)
        else:
            _point_previous(ledger, intent.previous_before)
            ledger.withdraw(intent)
    ledger.enter_found(ledger.registry.find(ledger.model, "champion"))


def succession(moves: tuple[Move, ...]) -> list[int]:
    """The champions that lie below the present one, oldest first, the present one last; rollbacks step down."""
    line: list[int] = []
    for move in moves:
        if move.state != "finished" or move.to_version is None:
            continue
        if move.kind == "rollback" and move.to_version in line:
            line = line[: line.index(move.to_version) + 1]
        else:
            line = [version for version in line if version != move.to_version] + [move.to_version]
    return line


def _move(
    ledger: Ledger,
    kind: MoveKind,
    *,
    champion: ModelVersion | None,
    target: ModelVersion,
    new_previous: int | None,
    actor: str,
    reason: str,
    gate_report: str | None,
) -> Move:
    previous = ledger.registry.find(ledger.model, "previous")
    intent = ledger.open(
        kind,
        origin=champion.version if champion else None,
        target=target.version,
        previous=previous.version if previous else None,
        actor=actor,
        reason=reason,
        gate_report=gate_report,
    )
    first = next(move for move in ledger.moves() if move.state == "open")
    if first.id != intent.id:
        ledger.withdraw(intent)
        raise PromotionConflict(f"{first.actor} is moving {ledger.model} to version {first.to_version}; try again")
    _point_previous(ledger, new_previous)
    if not ledger.is_open(intent):
        raise PromotionConflict(f"this move of {ledger.model} to version {target.version} was overtaken; try again")
    ledger.registry.set_alias(target, "champion")
    return _conclude(ledger, intent)


def _point_previous(ledger: Ledger, version: int | None) -> None:
    if version is None:
        ledger.registry.clear_alias(ledger.model, "previous")
    else:
        ledger.registry.set_alias(ledger.registry.version(ledger.model, version), "previous")


def _conclude(ledger: Ledger, intent: Move) -> Move:
    challenger = ledger.registry.find(ledger.model, "challenger")
    if challenger is not None and challenger.version == intent.to_version:
        ledger.registry.clear_alias(ledger.model, "challenger")
    return ledger.finish(intent)
