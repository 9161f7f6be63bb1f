"""Everything is stored where the server says: an artifact location of a client's own is refused.

MLflow lets whoever may write name a place, such as `s3://other/bucket` or `file:/etc`, and then reads and writes there
with the server's rights. All its routes end at its stores and its artifact repositories: these are closed.
"""

import os
from collections.abc import Callable, Iterable
from functools import partial, wraps
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

OWN_SOURCES = ("models:/", "runs:/", "mlflow-artifacts:/")
"""What a model version may be made of. MLflow checks that the rest names what is here."""
TRACE_LOCATION = "mlflow.artifactLocation"

Build = Callable[..., Any]


def own_locations_only(artifact_root: str) -> None:
    """Close what MLflow makes from now on in this process to locations outside of the server's own."""
    from mlflow.server import handlers
    from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry as repositories

    # The names are private to MLflow: a test holds them to the installed version's.
    _replace(handlers._tracking_store_registry, partial(_closed_by, _close_tracking_store))  # noqa: SLF001
    _replace(handlers._model_registry_store_registry, partial(_closed_by, _close_model_registry))  # noqa: SLF001
    _replace(repositories, partial(_within, artifact_root))


def is_within(root: str, location: str) -> bool:
    """Tell whether a location lies in the root, both folders or URIs, whatever `..` and `%2e` it has."""
    return _parts(location)[: len(_parts(root))] == _parts(root)


def _replace(registry: Any, replacement: Callable[[Build], Build]) -> None:
    for scheme, build in list(registry._registry.items()):  # noqa: SLF001
        if not hasattr(build, "mlyard"):  # one process both prepares the database and serves
            registry.register(scheme, replacement(build))


def _closed_by(close: Callable[[Any], None], build: Build) -> Build:
    @wraps(build)
    def built(*arguments: Any, **named: Any) -> Any:
        store = build(*arguments, **named)
        close(store)
        return store

    built.mlyard = True  # type: ignore[attr-defined]
    return built


def _within(root: str, build: Build) -> Build:
    @wraps(build, updated=())
    def built(artifact_uri: str, *arguments: Any, **named: Any) -> Any:
        if not is_within(root, artifact_uri):
            raise _refusal(
                f"{artifact_uri!r} is not in the artifact store of this server, which reads and writes there alone: "
                "log the files again through this server"
            )
        return build(artifact_uri, *arguments, **named)

    built.mlyard = True  # type: ignore[attr-defined]
    return built


def _close_tracking_store(store: Any) -> None:
    create, tag = store.create_experiment, store.set_trace_tag

    @wraps(create)
    def create_experiment(name: str, artifact_location: str | None = None, tags: Iterable[Any] | None = None) -> Any:
        if artifact_location:
            raise _refusal(
                f"the artifact location {artifact_location!r} is refused: this server keeps all artifacts in its own "
                "store; create the experiment without artifact_location"
            )
        return create(name, None, tags)

    @wraps(tag)
    def set_trace_tag(trace_id: str, key: str, value: str) -> Any:
        if key == TRACE_LOCATION:
            raise _refusal(f"the tag {TRACE_LOCATION!r} is this server's own: choose another key")
        return tag(trace_id, key, value)

    store.create_experiment, store.set_trace_tag = create_experiment, set_trace_tag


def _close_model_registry(store: Any) -> None:
    from mlflow.prompt.constants import _PROMPT_SOURCE_PLACEHOLDERS

    create = store.create_model_version

    @wraps(create)
    def create_model_version(name: str, source: str, *arguments: Any, **named: Any) -> Any:
        own = source.startswith(OWN_SOURCES) and not urlsplit(source).netloc
        if not own and source not in _PROMPT_SOURCE_PLACEHOLDERS:
            raise _refusal(
                f"the source {source!r} is refused: this server registers what lies in its own artifact store; log the "
                "model to a run of it, and give models:/<model id> or runs:/<run id>/<path> as the source"
            )
        return create(name, source, *arguments, **named)

    store.create_model_version = create_model_version


def _refusal(message: str) -> Exception:
    from mlflow.exceptions import MlflowException

    refusal: Exception = MlflowException.invalid_parameter_value(message)
    return refusal


def _parts(location: str) -> tuple[str, ...]:
    """A location's scheme, host, and the folders of its path, as MLflow's repositories read them."""
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import get_uri_scheme

    scheme, parts = str(get_uri_scheme(location)), urlsplit(location)  # type: ignore[no-untyped-call]
    if scheme in ("", "file"):
        folder = Path(local_file_uri_to_path(location))  # type: ignore[no-untyped-call]
        return ("", parts.netloc if scheme else "", *folder.resolve().parts)
    return (scheme, parts.netloc, *Path(os.path.normpath(f"/{unquote(parts.path)}")).parts)
