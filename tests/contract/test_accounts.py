"""The registry behind MLflow's sign-in, as the pipeline's account and as the API's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow.entities import Dataset, DatasetInput
from mlyard_shared.account import Account
from mlyard_shared.errors import ArtifactMissing, ModelNotFound, RegistryDenied, RunMissing
from mlyard_shared.manifest import MANIFEST_FILE
from mlyard_shared.registry import ModelVersion, Registry, Standing, artifacts, standing
from mlyard_shared.registry.experiments import run_calls
from mlyard_shared.views import VIEW
from mlyard_training_pipeline.tracking.runs import Tracking
from pydantic import SecretStr

from .conftest import running_mlflow_server, unused_port

PASSWORDS = {user: f"the-password-of-{user}" for user in ("admin", "pipeline", "api")}
Connect = Callable[..., Registry]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sign-in")
    secrets = folder / "secrets"
    secrets.mkdir()
    for user, password in PASSWORDS.items():
        (secrets / f"{user}_password").write_text(password)
    (secrets / "flask_secret_key").write_text("a-key-of-this-test-only-0123456789")
    settings = {"MLYARD_MLFLOW_SERVER_AUTH": "basic", "MLYARD_MLFLOW_SERVER_SECRETS_DIR": str(secrets)}
    with running_mlflow_server(folder, unused_port(), **settings) as uri:
        yield uri


@pytest.fixture
def connect(address: str, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Make a registry under an account. MLflow keeps the account in the environment, which is put back."""
    for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(variable, "")

    def registry(user: str, password: str | None = None) -> Registry:
        return Registry(address, account=Account(user, SecretStr(password or PASSWORDS[user])))

    return registry


@pytest.fixture
def registered(connect: Connect, tmp_path: Path) -> ModelVersion:
    """A version that the pipeline's account registered."""
    registry = connect("pipeline")
    found = registry.find("guarded", "challenger")
    if found is not None:
        return found
    folder = tmp_path / "version"
    folder.mkdir()
    (folder / MANIFEST_FILE).write_text("{}")
    experiment = registry.client.create_experiment("guarded")
    run = registry.client.create_run(experiment)
    return registry.register(folder, name="guarded", run_id=run.info.run_id, gate_report="none")


def test_the_pipeline_registers_and_the_api_reads(connect: Connect, registered: ModelVersion, tmp_path: Path) -> None:
    reader = connect("api")
    assert reader.find("guarded", "challenger") == registered
    target = tmp_path / "download"
    target.mkdir()
    reader.download(registered, target)
    assert (target / MANIFEST_FILE).read_text() == "{}"
    assert reader.served_models() == ()


def test_the_api_moves_no_alias(connect: Connect, registered: ModelVersion) -> None:
    reader = connect("api")
    with pytest.raises(RegistryDenied, match="lacks the permission"):
        reader.set_alias(registered, "champion")
    assert reader.find("guarded", "champion") is None


@pytest.mark.parametrize("user", ["pipeline", "api"])
def test_what_is_not_there_counts_as_missing_and_not_as_forbidden(connect: Connect, user: str) -> None:
    registry = connect(user)
    assert registry.find("never-registered", "champion") is None
    with pytest.raises(ModelNotFound, match="no version 7"):
        registry.version("never-registered", 7)


def test_the_api_sees_whether_a_model_and_its_promotions_are_there(connect: Connect, registered: ModelVersion) -> None:
    reader = connect("api")
    found = standing(reader, "guarded")
    assert found.model is not None
    assert found.model <= registered.created_at
    assert found.promotions is None
    connect("pipeline").client.create_experiment("guarded.promotions")
    assert standing(connect("api"), "guarded").promotions is not None
    assert standing(connect("api"), "never") == Standing()


def test_the_pipeline_says_what_its_experiments_and_runs_hold_and_the_api_changes_none_of_it(connect: Connect) -> None:
    tracking = Tracking(connect("pipeline"))
    run = tracking.open_training("told", "one", {})
    tracking.show(run.info.experiment_id, "rmse")
    table = Dataset(name="told.csv", digest="0" * 12, source_type="mlflow_artifact", source="{}")
    tracking.log_inputs(run.info.run_id, DatasetInput(table))
    tracking.rename(run.info.run_id, "told · ridge")
    client = connect("api").client
    seen = client.get_run(run.info.run_id)
    assert seen.info.run_name == "told · ridge"
    assert [given.dataset.name for given in seen.inputs.dataset_inputs] == ["told.csv"]  # type: ignore[union-attr]
    assert "holdout_rmse" in client.get_experiment(run.info.experiment_id).tags[VIEW]
    with pytest.raises(RegistryDenied):
        Tracking(connect("api")).show(run.info.experiment_id, "mae")


def test_a_wrong_password_is_told_from_a_missing_model(connect: Connect) -> None:
    with pytest.raises(RegistryDenied, match="does not know this account"):
        connect("pipeline", "not-the-password").find("never-registered", "champion")


@pytest.mark.parametrize("user", ["pipeline", "api"])
def test_a_version_that_was_deleted_is_missing_and_not_forbidden(
    connect: Connect, registered: ModelVersion, user: str, tmp_path: Path
) -> None:
    deleted = registered.model_copy(update={"version": 7})
    with pytest.raises(ModelNotFound, match="model 'guarded' has no version 7"):
        connect(user).download(deleted, tmp_path)


def test_a_run_that_is_not_there_is_missing_and_not_forbidden(connect: Connect) -> None:
    registry = connect("pipeline")
    with pytest.raises(RunMissing), run_calls(registry.client, "0" * 32, uri=registry.uri):
        registry.client.get_run("0" * 32)


def test_a_run_that_may_not_be_changed_is_forbidden_and_not_missing(connect: Connect, registered: ModelVersion) -> None:
    registry = connect("api")
    with pytest.raises(RegistryDenied), run_calls(registry.client, registered.run_id, uri=registry.uri):
        registry.client.set_tag(registered.run_id, "a", "b")


@pytest.mark.parametrize("user", ["pipeline", "api"])
def test_a_file_that_is_not_there_is_missing_and_not_forbidden(
    connect: Connect, registered: ModelVersion, user: str, tmp_path: Path
) -> None:
    registry = connect(user)
    location = registry.client.get_run(registered.run_id).info.artifact_uri
    assert location is not None
    with pytest.raises(ArtifactMissing, match="has lost a file"):
        artifacts.fetch(f"{location}/nothing.json", tmp_path, uri=registry.uri, what="a file")
