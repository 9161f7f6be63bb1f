"""A real registry loses its database or its artifacts, or a model on purpose: what the API makes of each."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from mlyard_model_api.serving.assembly import assemble
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.watch import Watch
from mlyard_model_api.settings import Settings
from mlyard_shared.registry import Registry, promote

GOLDEN = Path(__file__).parents[2] / "packages/shared/tests/golden/contract1"
MODELS = ("amount", "mixed")
Run = Callable[[Path, int], AbstractContextManager[str]]


class Place:
    """A registry whose server can be stopped, robbed and started again, and the cache of an API."""

    def __init__(self, folder: Path, port: int, run: Run) -> None:
        self.state = folder / "mlflow"
        self.state.mkdir()
        self.cache = Cache(folder / "cache")
        self.cache.prepare()
        self.uri = f"http://127.0.0.1:{port}"
        self.registry = Registry(self.uri)
        self._port, self._run = port, run
        self._running = ExitStack()

    def start(self) -> None:
        self._running.enter_context(self._run(self.state, self._port))

    def stop(self) -> None:
        self._running.close()

    def register(self, model: str, folder: Path) -> int:
        with zipfile.ZipFile(GOLDEN / f"{model}.zip") as packed:
            packed.extractall(folder)
        client = self.registry.client
        known = client.get_experiment_by_name(model)
        run = client.create_run(known.experiment_id if known else client.create_experiment(model))
        registered = self.registry.register(folder, name=model, run_id=run.info.run_id, gate_report="runs:/1/gate.json")
        return registered.version

    def promote(self, model: str, version: int) -> None:
        promote(self.registry, model, version, actor="a test", reason="to serve")

    def api(self) -> Watch:
        """An API that has just been started."""
        return assemble(Settings(registry_uri=self.uri, cache=self.cache.folder), Models(()), self.cache)

    def files(self) -> set[str]:
        return {str(file.relative_to(self.cache.folder)) for file in self.cache.folder.rglob("model.*")}


@pytest.fixture
def place(tmp_path: Path, free_port: int, run_mlflow_server: Run) -> Iterator[Place]:
    """Both models serve."""
    place = Place(tmp_path, free_port, run_mlflow_server)
    place.start()
    try:
        for model in MODELS:
            place.promote(model, place.register(model, tmp_path / model))
        assert poll(place.api()).names() == MODELS
        yield place
    finally:
        place.stop()


def poll(api: Watch) -> Models:
    api.poll()
    for follower in api.followers.all():
        follower.step()
    return api.followers.place.models


@pytest.mark.long
def test_what_an_api_makes_of_losses_and_of_decisions(place: Place, tmp_path: Path) -> None:
    """In one go, since a server takes seconds to start."""
    _lost_artifacts_take_no_model(place)
    _a_model_that_lost_its_champion_on_purpose_is_not_served(place)
    place.promote("mixed", place.register("mixed", tmp_path / "again"))
    place.promote("amount", 1)
    _a_lost_database_takes_no_model_and_no_file(place, tmp_path / "anew")


def _lost_artifacts_take_no_model(place: Place) -> None:
    artifacts = place.state / "artifacts"
    artifacts.rename(place.state / "away")
    artifacts.mkdir()
    models = poll(place.api())
    assert models.names() == MODELS
    assert models.not_ready() == ()
    artifacts.rmdir()
    (place.state / "away").rename(artifacts)


def _a_model_that_lost_its_champion_on_purpose_is_not_served(place: Place) -> None:
    running, before = place.api(), place.files()
    poll(running)
    place.registry.clear_alias("amount", "champion")
    assert poll(running).names() == ("mixed",)
    place.registry.client.delete_registered_model("mixed")
    assert poll(running).names() == ()
    assert place.files() == before
    assert poll(place.api()).names() == ()
    place.promote("amount", 1)
    assert poll(running).names() == ("amount",)


def _a_lost_database_takes_no_model_and_no_file(place: Place, folder: Path) -> None:
    running = place.api()
    assert poll(running).names() == MODELS
    before = place.files()
    place.stop()
    assert poll(running).names() == MODELS
    for file in place.state.glob("mlflow.db*"):
        file.unlink()
    place.start()
    assert place.registry.served_models() == ()
    for api in (running, place.api()):
        for _ in range(2):
            models = poll(api)
            assert models.names() == MODELS
            assert models.not_ready() == ()
    assert place.files() == before

    # The new registry is filled: a model without a champion takes nothing away, a champion takes its place.
    number = place.register("amount", folder)
    assert poll(running).names() == MODELS
    place.promote("amount", number)
    models = poll(running)
    assert models.names() == MODELS
    assert models.slot("amount").refused is None
    place.registry.clear_alias("amount", "champion")
    assert poll(running).names() == ("mixed",)
