"""Who comes after whom: the line of champions that rollbacks step down, and what `previous` names."""

from mlyard_shared.errors import ModelNotFound
from mlyard_shared.registry.client import ModelVersion, Registry
from mlyard_shared.registry.ledger import Move


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


def point_previous(registry: Registry, model: str, line: list[int]) -> None:
    """Let `previous` name the youngest version below the top of the line that still exists, or nothing."""
    wanted = next((found for number in reversed(line[:-1]) if (found := _existing(registry, model, number))), None)
    current = registry.find(model, "previous")
    if wanted is None and current is not None:
        registry.clear_alias(model, "previous")
    elif wanted is not None and wanted != current:
        registry.set_alias(wanted, "previous")


def _existing(registry: Registry, model: str, number: int) -> ModelVersion | None:
    try:
        return registry.version(model, number)
    except ModelNotFound:
        return None
