"""The registry: model versions in MLflow, the aliases that say which one serves, and the ledger of their moves."""

from mlyard_shared.registry.client import Alias, Registry
from mlyard_shared.registry.ledger import Move, history
from mlyard_shared.registry.promotion import promote, rollback
from mlyard_shared.registry.standing import Standing, standing
from mlyard_shared.registry.version import ModelVersion

__all__ = ["Alias", "ModelVersion", "Move", "Registry", "Standing", "history", "promote", "rollback", "standing"]
