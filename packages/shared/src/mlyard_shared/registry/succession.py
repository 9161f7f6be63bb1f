"""Who comes after whom: the line of champions that rollbacks step down, and what `previous` names."""

from mlyard_shared.errors import ModelNotFound
from mlyard_shared.registry.client import Registry
from mlyard_shared.registry.ledger import Move
from mlyard_shared.registry.version import ModelVersion


def succession(moves: tuple[Move, ...]) -> list[int]:
    """The champions that lie below the present one, oldest first, the present one last.

    A promotion is put on top. A rollback, and a move by hand to a version of the line, step down to it.
    """
    line: list[int] = []
    for move in moves:
        if move.state != "finished" or move.to_version is None:
            continue
        if move.kind != "promotion" and move.to_version in line:
            line = line[: line.index(move.to_version) + 1]
        else:
            line = [version for version in line if version != move.to_version] + [move.to_version]
    return line


def point_previous(registry: Registry, model: str, line: list[int]) -> bool:
    """Let `previous` name the youngest existing version below the top of the line; say whether it moved."""
    below = (_existing(registry, model, number) for number in reversed(line[:-1]))
    wanted = next(filter(None, below), None)
    current = registry.find(model, "previous")
    if wanted == current:
        return False
    if wanted is None:
        registry.clear_alias(model, "previous")
    else:
        registry.set_alias(wanted, "previous")
    return True


def _existing(registry: Registry, model: str, number: int) -> ModelVersion | None:
    try:
        return registry.version(model, number)
    except ModelNotFound:
        return None
