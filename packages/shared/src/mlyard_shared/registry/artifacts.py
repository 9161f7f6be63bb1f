"""Files that MLflow keeps for its runs and models: fetched, looked for and deleted by their location."""

import posixpath
from pathlib import Path
from typing import Any

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlyard_shared.errors import ArtifactMissing
from mlyard_shared.registry.errors import answered, translated, without_password


def fetch(location: str, folder: Path, *, uri: str, what: str) -> Path:
    """Bring a file or a folder from an artifact's location into a folder, and return where it lies.

    A location is what the server calls it, not `runs:/...`: MLflow turns every failure of those into a missing file.

    Raises:
        ArtifactMissing: it is not where it was stored; the message names it as `what`.
    """
    with translated(uri):
        try:
            return Path(download_artifacts(artifact_uri=location, dst_path=str(folder), tracking_uri=uri))
        except MlflowException as error:
            # What a store says of a missing file is 404 or 500, and a folder's files are tried one by one.
            if answered(error) and not exists(location, uri=uri):
                raise ArtifactMissing(what, without_password(uri)) from error
            raise


def exists(location: str, *, uri: str) -> bool:
    """Whether a file, or a folder with something in it, is at an artifact's location."""
    parent, name = posixpath.split(location.rstrip("/"))
    with translated(uri):
        found = next((entry for entry in _listing(parent, uri) if entry.path == name), None)
        return found is not None and (not found.is_dir or bool(_listing(location, uri)))


def delete(location: str, *, uri: str) -> None:
    """Delete a file for good; nothing happens where there is none. Deleting its run would only mark it in MLflow."""
    parent, name = posixpath.split(location)
    with translated(uri):
        repository: Any = get_artifact_repository(parent, tracking_uri=uri)
        repository.delete_artifacts(name)


def _listing(location: str, uri: str) -> list[Any]:
    return list(get_artifact_repository(location, tracking_uri=uri).list_artifacts())
