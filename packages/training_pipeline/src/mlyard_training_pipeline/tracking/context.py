"""What every step works with: MLflow's runs, the registry, and the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mlyard_training_pipeline.settings import Settings

if TYPE_CHECKING:
    from mlyard_shared.registry import Registry

    from mlyard_training_pipeline.tracking.runs import Tracking


@dataclass(frozen=True)
class Context:
    """The runs that steps keep their work in, the registry of versions, and the settings they follow."""

    tracking: "Tracking"
    registry: "Registry"
    settings: Settings

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make a context with a client for the registry of the settings; nothing is asked of it yet."""
        from mlyard_shared.registry import Registry

        from mlyard_training_pipeline.tracking.runs import Tracking

        registry = Registry(settings.registry_uri, account=settings.registry_account)
        return cls(tracking=Tracking(registry), registry=registry, settings=settings)
