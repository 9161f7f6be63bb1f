from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mlyard_shared.errors import ModelNotFound, RegistryUnavailable
from mlyard_shared.manifest import MANIFEST_FILE, file_digest, folder_digests
from mlyard_shared.registry import Descriptions, ModelVersion, Registry, promote
from mlyard_shared.registry.version import GATE_TAG

from .passage import Passage

GATE = "runs:/1/gate.json"


class Training:
    """A training run with the folder of the version that it made."""

    def __init__(self, registry: Registry, folder: Path, name: str) -> None:
        self.registry = registry
        self.folder = folder
        self.name = name
        self.experiment = registry.client.get_experiment_by_name(name)
        experiment = self.experiment.experiment_id if self.experiment else registry.client.create_experiment(name)
        self.run_id = registry.client.create_run(experiment).info.run_id
        (folder / "extra").mkdir(parents=True)
        for file in (MANIFEST_FILE, "MLmodel", "model.skops", "extra/notes.txt"):
            (folder / file).write_text(f"{file} of {self.run_id}")

    def register(self, **said: str) -> ModelVersion:
        return self.registry.register(
            self.folder, name=self.name, run_id=self.run_id, gate_report=GATE, descriptions=Descriptions(**said)
        )

    def versions(self) -> list[int]:
        return sorted(int(v.version) for v in self.registry.client.search_model_versions(f"name = '{self.name}'"))


@pytest.fixture
def name() -> str:
    return f"model-{uuid4().hex[:12]}"


@pytest.fixture
def training(registry: Registry, tmp_path: Path, name: str) -> Training:
    return Training(registry, tmp_path / "version", name)


def test_a_registered_version_carries_its_digest_and_gate_report_and_is_the_challenger(training: Training) -> None:
    version = training.register()
    assert (version.name, version.version, version.run_id) == (training.name, 1, training.run_id)
    assert version.manifest_sha256 == file_digest(training.folder / MANIFEST_FILE)
    assert version.gate_report == GATE
    assert training.registry.find(training.name, "challenger") == version
    assert training.registry.version(training.name, 1) == version


def test_what_somebody_wrote_of_a_model_stays(training: Training, tmp_path: Path) -> None:
    client = training.registry.client
    training.register()
    assert not client.get_registered_model(training.name).description
    Training(training.registry, tmp_path / "second", training.name).register(model="Predicts `a`.", version="### Data")
    assert client.get_registered_model(training.name).description == "Predicts `a`."
    assert client.get_model_version(training.name, "2").description == "### Data"
    client.update_registered_model(training.name, "Ours.")
    Training(training.registry, tmp_path / "third", training.name).register(model="Predicts `a`.")
    assert client.get_registered_model(training.name).description == "Ours."


def test_a_run_registered_twice_makes_one_version(training: Training) -> None:
    assert training.register() == training.register()
    assert training.versions() == [1]


def test_a_download_is_what_was_registered_and_nothing_more(training: Training, tmp_path: Path) -> None:
    version = training.register()
    copy = tmp_path / "copy"
    copy.mkdir()
    training.registry.download(version, copy)
    assert folder_digests(copy) == folder_digests(training.folder)
    assert file_digest(copy / MANIFEST_FILE) == version.manifest_sha256


@pytest.mark.parametrize(
    "call", ["create_logged_model", "log_model_artifacts", "finalize_logged_model", "create_model_version"]
)
def test_an_interrupted_registration_is_completed_by_the_same_call_again(
    training: Training, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(training.registry.client, call)

    def interrupted(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.registry.client, call, interrupted)
        with pytest.raises(KeyboardInterrupt):
            training.register()
    assert training.register().version == 1
    assert training.versions() == [1]
    assert training.registry.find(training.name, "challenger") is not None


def test_a_request_that_was_sent_twice_leaves_one_version(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    real = training.registry.client.create_model_version

    def twice(*args: Any, **kwargs: Any) -> object:
        real(*args, **kwargs)
        return real(*args, **kwargs)

    monkeypatch.setattr(training.registry.client, "create_model_version", twice)
    assert training.register().version == 1
    assert training.versions() == [1]


def test_a_champion_registered_again_is_no_challenger(training: Training) -> None:
    training.register()
    promote(training.registry, training.name, 1, actor="ann", reason="first")
    training.register()
    assert training.registry.find(training.name, "challenger") is None


def test_an_old_run_registered_again_does_not_push_a_newer_challenger_aside(training: Training, tmp_path: Path) -> None:
    training.register()
    newer = Training(training.registry, tmp_path / "newer", training.name).register()
    training.register()
    assert training.registry.find(training.name, "challenger") == newer


def test_only_models_with_a_champion_are_served(training: Training) -> None:
    training.register()
    assert training.name not in training.registry.served_models()
    promote(training.registry, training.name, 1, actor="ann", reason="first")
    assert training.name in training.registry.served_models()


def test_a_model_or_alias_that_does_not_exist_is_found_as_nothing(training: Training) -> None:
    assert training.registry.find(training.name, "champion") is None
    training.register()
    assert training.registry.find(training.name, "champion") is None


def test_a_version_that_does_not_exist_is_not_found(training: Training) -> None:
    with pytest.raises(ModelNotFound, match=f"model '{training.name}' has no version 1"):
        training.registry.version(training.name, 1)


def test_a_version_of_another_hand_has_no_digest(training: Training) -> None:
    client = training.registry.client
    training.register()
    source = client.get_model_version(training.name, "1").source or ""
    client.create_model_version(training.name, source, model_id=source.removeprefix("models:/"), tags={GATE_TAG: GATE})
    assert training.registry.version(training.name, 2).manifest_sha256 == ""


def test_a_deleted_version_cannot_be_downloaded(training: Training, tmp_path: Path) -> None:
    version = training.register()
    training.registry.client.delete_model_version(training.name, "1")
    with pytest.raises(ModelNotFound):
        training.registry.download(version, tmp_path)


def test_a_server_that_went_away_is_said_so_and_is_used_again_when_it_is_back(
    passage: Passage, tmp_path: Path, name: str
) -> None:
    registry = Registry(passage.uri)
    version = Training(registry, tmp_path / "version", name).register()
    passage.close()
    with pytest.raises(RegistryUnavailable, match=r"Connection refused$") as caught:
        registry.download(version, tmp_path)
    assert "\n" not in str(caught.value)
    passage.open()
    assert registry.find(name, "challenger") == version
