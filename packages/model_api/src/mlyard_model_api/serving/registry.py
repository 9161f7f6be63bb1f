"""What the API asks of the registry, and how it asks MLflow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlyard_shared.account import Account
from mlyard_shared.errors import RegistryError

if TYPE_CHECKING:  # the module imports MLflow, which takes seconds
    from mlyard_shared.registry import Alias, ModelVersion, Standing


class Registry(Protocol):
    """What is asked of the registry. Every method may block, and raises `RegistryError`s."""

    def served_models(self) -> tuple[str, ...]:
        """The names of all models with a champion."""

    def find(self, name: str, alias: "Alias") -> "ModelVersion | None":
        """The version that an alias points to."""

    def standing(self, name: str) -> "Standing":
        """What there is of a model beside its versions."""

    def download(self, version: "ModelVersion", folder: Path, *, is_wanted: Callable[[], bool]) -> None:
        """Bring every file of a version into an empty folder, for as long as it is wanted; from any thread."""


class MlflowRegistry:
    """MLflow's registry, as `registry_process` asks it."""

    def __init__(self, uri: str, *, account: Account | None) -> None:
        """Make the client; it imports MLflow, and asks nothing yet."""
        from mlyard_shared.registry import Registry as SharedRegistry

        self._uri = uri
        self._registry = SharedRegistry(uri, account=account)

    def served_models(self) -> tuple[str, ...]:
        """The names of all models with a champion."""
        with self._answers():
            return self._registry.served_models()

    def find(self, name: str, alias: "Alias") -> "ModelVersion | None":
        """The version that an alias points to."""
        with self._answers():
            found = self._registry.find(name, alias)
        if found is not None and found.name != name:
            raise RegistryError(f"{self._uri} answers for {found.name} where {name} was asked for")
        return found

    def standing(self, name: str) -> "Standing":
        """What there is of a model beside its versions."""
        from mlyard_shared.registry import standing

        with self._answers():
            return standing(self._registry, name)

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Run a question: an answer that MLflow's client cannot make sense of is the registry's fault."""
        try:
            yield
        except RegistryError:
            raise
        # The client raises what its parsers raise for an answer of something else.
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise RegistryError(f"{self._uri} answers something else ({told}); is it an MLflow server?") from error
