"""Model versions in MLflow's registry, by name, version and alias."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from mlyard_shared.account import Account
from mlyard_shared.errors import DigestMismatch, ModelNotFound, RegistryDenied, RegistryError, SettingsError
from mlyard_shared.manifest import MANIFEST_FILE, Manifest, file_digest, parse_manifest
from mlyard_shared.registry import artifacts
from mlyard_shared.registry.errors import prepare_client, translated, without_password
from mlyard_shared.registry.experiments import run_calls
from mlyard_shared.registry.version import DIGEST_TAG, GATE_TAG, Descriptions, ModelVersion, read_version
from mlyard_shared.registry.writes import written

Alias = Literal["champion", "challenger", "previous"]
NOTHING_SAID = Descriptions()
_MOVED: tuple[Alias, ...] = ("champion", "challenger")


class Registry:
    """Access to one MLflow server. Every method raises a `RegistryError` when the server is away or says no."""

    def __init__(self, uri: str, *, account: Account | None = None) -> None:
        """Make a client for the server at this URI; nothing is asked of it yet.

        Without an account, MLflow's own variables for one hold. MLflow knows one account a process: that of the
        registry which was made last.

        Raises:
            SettingsError: the URI is not an address of a registry.
        """
        prepare_client(account)
        self.uri = uri
        try:
            client = MlflowClient(tracking_uri=uri, registry_uri=uri) if _is_address(uri) else None
        except (MlflowException, ValueError):
            client = None
        if client is None:
            shown = without_password(uri)
            raise SettingsError(f"{shown!r} is not an address of a registry: give one such as http://127.0.0.1:5000")
        self.client = client

    def served_models(self) -> tuple[str, ...]:
        """The names of all models with a champion."""
        names: list[str] = []
        token: str | None = None
        while True:
            with translated(self.uri):
                page = self.client.search_registered_models(max_results=500, page_token=token)
            names += [model.name for model in page if "champion" in model.aliases]
            token = page.token
            if not token:
                return tuple(sorted(names))

    def find(self, name: str, alias: Alias) -> ModelVersion | None:
        """The version that an alias points to, or None where there is no such model or alias."""
        try:
            with translated(self.uri):
                return read_version(self.client.get_model_version_by_alias(name, alias))
        except ModelNotFound:
            return None
        except RegistryDenied:
            if self._has_model(name):
                raise
            return None
        except RegistryError as error:
            # A missing alias has the code of a wrong request.
            if f"alias {alias} not found" in str(error):
                return None
            raise

    def version(self, name: str, version: int) -> ModelVersion:
        """One version of a model.

        Raises:
            ModelNotFound: there is no such version.
        """
        try:
            with translated(self.uri):
                return read_version(self.client.get_model_version(name, str(version)))
        except ModelNotFound:
            raise ModelNotFound(f"model {name!r} has no version {version}") from None
        except RegistryDenied:
            if self._has_version(name, version):
                raise
            raise ModelNotFound(f"model {name!r} has no version {version}") from None

    def download(self, version: ModelVersion, folder: Path) -> None:
        """Bring every file of a version into an existing, empty folder, as it was registered.

        MLflow's own `models:/` download adds a file to the folder, so this asks for the artifacts behind it.

        Raises:
            ModelNotFound: there is no such version any more.
            ArtifactMissing: its files are gone.
        """
        location = self._location(version)
        what = f"the files of version {version.version} of {version.name}"
        artifacts.fetch(location, folder, uri=self.uri, what=what)
        nested = folder / location.rstrip("/").rsplit("/", 1)[-1]
        if not (folder / MANIFEST_FILE).exists() and nested.is_dir():
            for entry in list(nested.iterdir()):
                entry.rename(folder / entry.name)
            nested.rmdir()

    def manifest(self, version: ModelVersion) -> Manifest:
        """Read a version's manifest, without its other files.

        Raises:
            ModelNotFound: there is no such version any more.
            ArtifactMissing: its manifest is gone.
            ModelVersionRefused: it is not the one that was registered, or of another contract.
        """
        location = f"{self._location(version).rstrip('/')}/{MANIFEST_FILE}"
        what = f"{MANIFEST_FILE} of version {version.version} of {version.name}"
        with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
            file = artifacts.fetch(location, Path(folder), uri=self.uri, what=what)
            found = file_digest(file)
            if found != version.manifest_sha256:
                raise DigestMismatch(MANIFEST_FILE, expected=version.manifest_sha256, found=found)
            return parse_manifest(file.read_bytes())

    def register(
        self,
        folder: Path,
        *,
        name: str,
        run_id: str,
        gate_report: str,
        descriptions: Descriptions = NOTHING_SAID,
    ) -> ModelVersion:
        """Register a version's folder as the newest challenger; once for each training run.

        A description of the model that somebody wrote stays.

        The version exists only when all its files are stored, and carries its tags from the start: an interrupted
        call leaves no half of a version, and the same call again completes it.
        """
        registered = self._registered_by(run_id, name) or self._create(folder, name, run_id, gate_report, descriptions)
        ahead = [found.version for alias in _MOVED if (found := self.find(name, alias)) is not None]
        # A late repetition never puts an old version in front of what was registered or promoted since.
        if registered.version > max(ahead, default=0):
            self.set_alias(registered, "challenger")
        return registered

    def set_alias(self, version: ModelVersion, alias: Alias) -> None:
        """Point an alias to a version. `champion` and `previous` are moved by `promotion` alone."""
        with translated(self.uri):
            written(partial(self.client.set_registered_model_alias, version.name, alias, str(version.version)))

    def clear_alias(self, name: str, alias: Alias) -> None:
        """Take an alias away; nothing happens where it is not set."""
        with translated(self.uri):
            self.client.delete_registered_model_alias(name, alias)

    def _create(
        self, folder: Path, name: str, run_id: str, gate_report: str, descriptions: Descriptions
    ) -> ModelVersion:
        """Store the files, then make the version of them.

        A request that was sent twice, or two callers at once, make two versions: the older one counts, and whoever
        made the younger one takes it back.
        """
        with run_calls(self.client, run_id, uri=self.uri):
            experiment = self.client.get_run(run_id).info.experiment_id
        with translated(self.uri):
            digest = file_digest(folder / MANIFEST_FILE)
            model = self.client.create_logged_model(experiment, name=name, source_run_id=run_id)
            self.client.log_model_artifacts(model.model_id, str(folder))
            self.client.finalize_logged_model(model.model_id, "READY")
            self._ensure_model(name, descriptions.model)
            created = self.client.create_model_version(
                name,
                source=f"models:/{model.model_id}",
                run_id=run_id,
                model_id=model.model_id,
                tags={DIGEST_TAG: digest, GATE_TAG: gate_report},
                description=descriptions.version or None,
                await_creation_for=0,
            )
        registered = self._registered_by(run_id, name) or read_version(created)
        if registered.version != int(created.version):
            with translated(self.uri):
                self.client.delete_model_version(name, created.version)
        return registered

    def _location(self, version: ModelVersion) -> str:
        try:
            with translated(self.uri):
                return str(self.client.get_model_version_download_uri(version.name, str(version.version)))
        except ModelNotFound:
            raise ModelNotFound(f"model {version.name!r} has no version {version.version}") from None

    def _ensure_model(self, name: str, description: str) -> None:
        try:
            self.client.create_registered_model(name, description=description or None)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            if description and not self.client.get_registered_model(name).description:
                self.client.update_registered_model(name, description)

    def _has_model(self, name: str) -> bool:
        """Whether there is such a model. MLflow's sign-in denies most other questions about what is not there."""
        try:
            with translated(self.uri):
                self.client.get_registered_model(name)
        except ModelNotFound:
            return False
        return True

    def _has_version(self, name: str, version: int) -> bool:
        with translated(self.uri):
            found = self.client.search_model_versions(f"name = '{name}'")
        return any(int(known.version) == version for known in found)

    def _registered_by(self, run_id: str, name: str) -> ModelVersion | None:
        with translated(self.uri):
            found = self.client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
        return min(map(read_version, found), key=lambda version: version.version, default=None)


def _is_address(uri: str) -> bool:
    """Whether an HTTP address names a host; other kinds of stores are MLflow's to judge."""
    parts = urlsplit(uri)
    is_host = bool(parts.hostname and parts.port != 0)
    return bool(uri) and (parts.scheme not in {"http", "https"} or is_host)
