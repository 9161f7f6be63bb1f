"""Nothing is taken away by an absence: what serves stays, and what is cached, whatever a registry does not know."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from mlyard_model_api.cli import cli
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.registry import MlflowRegistry, Registry
from mlyard_shared.registry import ModelVersion

from ..fake_registry import FakeRegistry
from ..versions import WHEN
from .watched import poll, watched


def asked(uri: str) -> Registry:
    """MLflow's registry, asked in this process: a process of its own would import MLflow anew."""
    return cast("Registry", MlflowRegistry(uri, account=None))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


@pytest.fixture
def served(registry: FakeRegistry, cache: Cache) -> FakeRegistry:
    """A registry whose models have served here: diabetes 1 and then 2, and penguins."""
    for version in (1, 2):
        registry.promote("diabetes", version)
        registry.promote("penguins", 1)
        poll(watched(cache, registry))
    return registry


def files(cache: Cache) -> set[str]:
    return {str(path.relative_to(cache.folder)) for path in cache.folder.rglob("model.*")}


def empty(registry: FakeRegistry) -> None:
    registry.champions.clear()
    registry.models.clear()
    registry.ledgers.clear()


def of_another(registry: FakeRegistry) -> None:
    """Models of the same names, made anew, that have no champion yet."""
    registry.champions.clear()
    for name in registry.models:
        registry.models[name] = registry.ledgers[name] = WHEN + timedelta(days=3)


def models_alone(registry: FakeRegistry) -> None:
    of_another(registry)
    registry.ledgers.clear()


def ledgers_alone(registry: FakeRegistry) -> None:
    of_another(registry)
    registry.models.clear()


@pytest.mark.parametrize("lost", [empty, of_another, models_alone, ledgers_alone], ids=lambda lost: lost.__name__)
@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
def test_a_registry_that_does_not_know_the_models_takes_none_of_them(
    served: FakeRegistry, cache: Cache, lost: Callable[[FakeRegistry], None], restarts: bool
) -> None:
    watch, before = watched(cache, served), files(cache)
    poll(watch)
    lost(served)
    watch = watched(cache, served) if restarts else watch
    for _ in range(3):
        models = poll(watch)
    assert models.names() == ("diabetes", "penguins")
    assert models.serving("diabetes")[0].reference.version == 2
    assert models.not_ready() == ()
    assert files(cache) == before


def test_it_is_said_once_and_with_the_way_out(
    served: FakeRegistry, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    watch = watched(cache, served)
    poll(watch)
    empty(served)
    for _ in range(3):
        poll(watch)
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert sorted(text.split(",")[0] for text in told) == [
        "the registry does not know diabetes",
        "the registry does not know penguins",
    ]
    assert "`mlyard-model-api forget diabetes`" in "".join(told)


def test_what_a_new_registry_trains_takes_the_old_ones_place(served: FakeRegistry, cache: Cache) -> None:
    watch = watched(cache, served)
    poll(watch)
    of_another(served)
    poll(watch)
    created = served.models["diabetes"] + timedelta(minutes=1)
    served.champions["diabetes"] = served.versions["diabetes", 3].model_copy(update={"created_at": created})
    assert poll(watch).serving("diabetes")[0].reference.version == 3
    served.champions.clear()
    assert poll(watch).names() == ("penguins",), "it is the new registry that takes the alias away"


def test_a_champion_that_is_taken_away_is_not_served_any_more(served: FakeRegistry, cache: Cache) -> None:
    watch, before = watched(cache, served), files(cache)
    poll(watch)
    del served.champions["diabetes"]
    assert poll(watch).names() == ("penguins",)
    assert files(cache) == before
    assert poll(watched(cache, served)).names() == ("penguins",)


def test_a_model_that_is_deleted_is_not_served_any_more(served: FakeRegistry, cache: Cache) -> None:
    watch = watched(cache, served)
    poll(watch)
    del served.champions["diabetes"], served.models["diabetes"]
    assert poll(watch).names() == ("penguins",)


def test_a_retired_model_serves_again_from_its_files(served: FakeRegistry, cache: Cache) -> None:
    watch = watched(cache, served)
    poll(watch)
    del served.champions["diabetes"]
    poll(watch)
    downloads = len(served.downloads)
    served.promote("diabetes", 2)
    assert poll(watch).serving("diabetes")[0].reference.version == 2
    assert len(served.downloads) == downloads
    served.away = True
    assert poll(watched(cache, served)).names() == ("diabetes", "penguins")


def test_the_files_of_a_retired_model_wait_for_the_retention_time(served: FakeRegistry, cache: Cache) -> None:
    watch = watched(cache, served, retention_days=7)
    poll(watch)
    del served.champions["diabetes"]
    poll(watch)
    history = cache.folder / "diabetes" / "history.json"
    for days, is_there in ((6.9, True), (7.1, False)):
        retired_at = datetime.now(UTC) - timedelta(days=days)
        history.write_text(json.dumps(json.loads(history.read_bytes()) | {"retired_at": retired_at.isoformat()}))
        poll(watched(cache, served, retention_days=7))
        assert (cache.folder / "diabetes").exists() == is_there
    assert (cache.folder / "penguins").exists()


def forget(cache: Cache, name: str) -> Any:
    return CliRunner(env={"MLYARD_MODEL_API_CACHE": str(cache.folder)}).invoke(cli, ["forget", name])


def test_a_model_is_forgotten_by_command_while_the_api_runs(served: FakeRegistry, cache: Cache) -> None:
    watch = watched(cache, served)
    poll(watch)
    empty(served)
    poll(watch)
    done = forget(cache, "diabetes")
    assert done.exit_code == 0, done.exception
    assert done.output.startswith("diabetes is forgotten")
    assert not (cache.folder / "diabetes").exists()
    assert poll(watch).names() == ("penguins",)
    assert not (cache.folder / "diabetes").exists()
    assert poll(watched(cache, served)).names() == ("penguins",)


def test_what_is_forgotten_comes_again_where_the_registry_has_it(served: FakeRegistry, cache: Cache) -> None:
    watch = watched(cache, served)
    poll(watch)
    forget(cache, "diabetes")
    assert poll(watch).names() == ("diabetes", "penguins")
    assert served.downloads[-1] == 2


def test_an_unknown_model_cannot_be_forgotten(served: FakeRegistry, cache: Cache) -> None:
    for name in ("other", "../cache", ".work", ""):
        told = str(forget(cache, name).exception)
        assert "but of: diabetes, penguins" in told
        assert "MLYARD_MODEL_API_CACHE" in told
    assert poll(watched(cache, served)).names() == ("diabetes", "penguins")


class Answers(BaseHTTPRequestHandler):
    """Answers every request with what the server was given."""

    server: "AnsweringServer"

    def answer(self) -> None:
        status, kind, content = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815 - the names that are called

    def log_message(self, *_: Any) -> None:
        pass


class AnsweringServer(ThreadingHTTPServer):
    answer: tuple[int, str, bytes] = (200, "application/json", b"{}")
    daemon_threads = True


@pytest.fixture
def answering() -> Iterator[AnsweringServer]:
    with AnsweringServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        yield server
        server.shutdown()


GONE = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model with name=diabetes not found"}
OTHER = {"registered_model": {"name": "other", "creation_timestamp": 1}}
NAMELESS = {"registered_models": [{}], "model_version": {"version": "7"}, "registered_model": {}, "experiment": {}}
JSON = "application/json"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((200, JSON, b"{}"), id="empty object"),
        pytest.param((200, JSON, b"[]"), id="list"),
        pytest.param((200, JSON, b"null"), id="null"),
        pytest.param((200, JSON, b""), id="nothing"),
        pytest.param((200, JSON, json.dumps(NAMELESS).encode()), id="objects without names"),
        pytest.param((200, JSON, json.dumps(OTHER).encode()), id="another model"),
        pytest.param((200, JSON, b'{"registered_models": {"name": "x"}}'), id="wrong types"),
        pytest.param((200, "text/html", b"<html>Sign in</html>"), id="page"),
        pytest.param((404, "text/html", b"<html>not found</html>"), id="404 page"),
        pytest.param((404, JSON, b'{"detail": "Not Found"}'), id="404 of another service"),
        pytest.param((404, JSON, json.dumps(GONE).encode()), id="404 of another MLflow"),
        pytest.param(
            (400, JSON, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "alias champion not found"}'), id="400"
        ),
        pytest.param((403, "text/plain", b"Invalid Host header"), id="403"),
        pytest.param((500, "text/plain", b"oops"), id="500"),
    ],
)
@pytest.mark.parametrize("wanted", [(), ("diabetes", "penguins")], ids=["all", "configured"])
def test_what_answers_wrongly_takes_no_model(
    served: FakeRegistry,
    cache: Cache,
    answering: AnsweringServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, str, bytes],
    wanted: tuple[str, ...],
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    answering.answer = answer
    before = files(cache)
    uri = f"http://127.0.0.1:{answering.server_port}"
    watch = watched(cache, lambda: asked(uri), models=wanted)
    for _ in range(2):
        models = poll(watch)
    assert models.names() == ("diabetes", "penguins")
    assert models.not_ready() == ()
    assert files(cache) == before


def test_lost_artifacts_take_no_model(served: FakeRegistry, cache: Cache) -> None:
    for folder in served.folders.values():
        shutil.rmtree(folder)
    for _ in range(2):
        models = poll(watched(cache, served))
        assert models.names() == ("diabetes", "penguins")
    served.promote("diabetes", 3)
    served_now, slot = poll(watched(cache, served)).serving("diabetes")
    assert served_now.reference.version == 2
    assert slot.refused is not None
    assert slot.refused.reason == "the registry at http://registry has lost the files of diabetes version 3"
    served.promote("diabetes", 1)
    assert poll(watched(cache, served)).serving("diabetes")[0].reference.version == 1, "the cache still has it"


def test_a_registry_that_is_replaced_between_two_questions_is_not_taken_for_the_old_one(
    registry: FakeRegistry, cache: Cache
) -> None:
    registry.promote("diabetes", 1)
    watch = watched(cache, registry)
    registry.models["diabetes"] = registry.ledgers["diabetes"] = WHEN + timedelta(days=3)
    poll(watch)
    registry.champions.clear()
    assert poll(watch).names() == ("diabetes",)


def test_one_wrong_answer_does_not_stand_in_the_way_of_the_others(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlyard_shared.errors import RegistryDenied

    find = registry.find

    def deny(name: str, alias: Any) -> ModelVersion | None:
        if name == "diabetes":
            raise RegistryDenied("this account lacks the permission")
        return find(name, alias)

    monkeypatch.setattr(registry, "find", deny)
    registry.promote("diabetes", 1)
    registry.promote("penguins", 1)
    models = poll(watched(cache, registry))
    assert models.names() == ("penguins",)
    assert models.registry_problem == "diabetes: this account lacks the permission"
