"""What every step works with: the registry, and the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mlyard_training_pipeline.settings import Settings

if TYPE_CHECKING:
    from mlyard_shared.registry import Registry


@dataclass(frozen=True)
class Context:
    """The registry that steps write to, and the settings they follow."""

    registry: "Registry"
    settings: Settings

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make a context with a client for the registry of the settings; nothing is asked of it yet."""
        from mlyard_shared.registry import Registry

        return cls(registry=Registry(settings.registry_uri, account=settings.registry_account), settings=settings)
