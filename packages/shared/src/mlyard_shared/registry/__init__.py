"""The registry: model versions in MLflow, the aliases that say which one serves, and the ledger of their moves.

MLflow takes seconds to import, so that whatever asks it is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

from mlyard_shared.registry.version import Descriptions, ModelVersion, Standing

if TYPE_CHECKING:
    from mlyard_shared.registry.client import Alias, Registry
    from mlyard_shared.registry.ledger import Move, history
    from mlyard_shared.registry.promotion import promote, rollback
    from mlyard_shared.registry.standing import standing

__all__ = [
    "Alias",
    "Descriptions",
    "ModelVersion",
    "Move",
    "Registry",
    "Standing",
    "history",
    "promote",
    "rollback",
    "standing",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mlyard_shared.registry.client import Alias, Registry
    from mlyard_shared.registry.ledger import Move, history
    from mlyard_shared.registry.promotion import promote, rollback
    from mlyard_shared.registry.standing import standing

    found = (Alias, Move, Registry, history, promote, rollback, standing)
    globals().update(
        zip(("Alias", "Move", "Registry", "history", "promote", "rollback", "standing"), found, strict=True)
    )
    return globals()[name]
