"""One model's trouble is its own: what hangs, fails or is refused delays no other model, and is not tried for ever."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlyard_model_api.serving import memory, trial, version
from mlyard_model_api.serving.cache import Cache, Pointer
from mlyard_model_api.serving.download import DownloadFailed
from mlyard_shared.registry import ModelVersion

from ..conftest import Start, answers, serves, until
from ..fake_registry import FakeRegistry
from ..versions import write_regressor, write_slow
from .watched import poll, watched


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


@pytest.mark.anyio
async def test_a_model_that_hangs_in_its_download_delays_no_other(start: Start, registry: FakeRegistry) -> None:
    registry.held.add("diabetes")
    registry.promote("diabetes", 1)
    async with start(ready=False) as client:
        await asyncio.sleep(0.3)
        registry.held.clear()
        hanging, registry.gate = registry.gate, type(registry.gate)()
        registry.gate.set()
        registry.promote("penguins", 1)
        await until(lambda: serves(client, "penguins", 1))
        assert not await serves(client, "diabetes", 1)
        assert await answers(client, "/health/ready", 503), "diabetes was there at the start, and is not decided"
        hanging.set()
        await until(lambda: serves(client, "diabetes", 1))
        await until(lambda: answers(client, "/health/ready", 200))


@pytest.mark.anyio
@pytest.mark.trials
async def test_a_model_that_hangs_in_its_trial_delays_no_other(
    start: Start, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.register("bad", 1, tmp_path / "bad", write_slow(tmp_path / "bad", 10**8, name="bad"))
    for name in ("bad", "penguins"):
        registry.promote(name, 1)
    async with start(ready=False, trial_seconds=60) as client:
        await until(lambda: serves(client, "penguins", 1), seconds=40)
        assert "refused" not in (await client.get("/models/bad")).text, "its trial is under way yet"


@pytest.mark.anyio
async def test_a_version_over_the_latency_budget_is_refused_and_never_one_that_has_served(
    start: Start, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.register("diabetes", 4, tmp_path / "slow", write_slow(tmp_path / "slow", 10_000))
    registry.promote("diabetes", 1)
    async with start() as client:
        registry.promote("diabetes", 4)
        await until(lambda: serves(client, "diabetes", 4))
        registry.promote("diabetes", 1)
        await until(lambda: serves(client, "diabetes", 1))
    registry.register("diabetes", 5, tmp_path / "slower", write_slow(tmp_path / "slower", 12_000))
    async with start(latency_budget_ms=0.5) as client:
        registry.promote("diabetes", 5)
        await until(lambda: _refused(client, "0.5 ms are allowed (MLYARD_MODEL_API_LATENCY_BUDGET_MS)"))
        registry.promote("diabetes", 4)
        await until(lambda: serves(client, "diabetes", 4))


async def _refused(client: Any, reason: str) -> bool:
    return reason in str((await client.get("/models/diabetes")).json().get("refused"))


def count_downloads(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[float]:
    """Let every download fail; return the list that their times go into."""
    tries: list[float] = []

    def fail(version: ModelVersion, folder: Path, *, is_wanted: Callable[[], bool]) -> None:
        (folder / "half").write_text("a part")
        tries.append(now[0])
        raise error

    monkeypatch.setattr(registry, "download", fail)
    return tries


now = [0.0]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(DownloadFailed("its files did not arrive within 600 s"), id="too long"),
        pytest.param(DownloadFailed("no answer: it answers 500", is_away=True), id="away"),
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), id="full disk"),
        pytest.param(KeyError("a bug"), id="bug"),
    ],
)
def test_a_version_that_cannot_be_downloaded_is_not_fetched_at_each_poll(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    now[0] = 0.0
    registry.promote("diabetes", 1)
    watch = watched(cache, registry, clock=lambda: now[0])
    poll(watch)
    registry.promote("diabetes", 2)
    tries = count_downloads(registry, monkeypatch, error)
    for second in range(0, 480, 10):
        now[0] = float(second)
        models = poll(watch)
    assert tries == [0, 60, 180, 420]
    served, slot = models.serving("diabetes")
    assert served.reference.version == 1
    assert slot.refused is not None
    assert slot.refused.version == 2
    assert not list(cache.folder.rglob("half"))
    now[0] += 3600
    watch.followers.of("diabetes").try_again()
    poll(watch)
    assert len(tries) == 5


OUT_OF_FILES = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
FAULTS = [
    pytest.param(OUT_OF_FILES, id="too many open files"),
    pytest.param(OSError(errno.EIO, os.strerror(errno.EIO)), id="broken disk"),
    pytest.param(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), id="permission"),
    pytest.param(MemoryError(), id="memory"),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", ["verify", "load"])
def test_a_fault_of_the_machine_discards_no_cached_version(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch, fault: Exception, where: str
) -> None:
    now[0] = 0.0
    registry.promote("diabetes", 1)
    poll(watched(cache, registry))
    registry.away = True
    watch = watched(cache, registry, clock=lambda: now[0])
    with monkeypatch.context() as patched:
        patched.setattr(version, where, _raising(fault))
        models = poll(watch)
        assert models.names() == ()
        assert "version 1 was refused" in models.not_ready()[0]
    poll(watch)
    assert models.names() == (), "it waits first"
    now[0] = 61.0
    poll(watch)
    assert models.serving("diabetes")[0].reference.version == 1
    assert models.slot("diabetes").refused is None


def _raising(fault: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise fault

    return fail


def test_a_pointer_that_cannot_be_read_now_is_read_later(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.promote("diabetes", 1)
    poll(watched(cache, registry))
    registry.away = True
    watch = watched(cache, registry)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", _raising(OUT_OF_FILES))
        assert poll(watch).names() == ()
    assert poll(watch).names() == ("diabetes",)


KNOWN = '{"current": {"name": "diabetes", "version": 2, "digest": "%s"}, "previous": null'


@pytest.mark.parametrize("content", ["", "{", "[]", "\0" * 200, KNOWN + ', "since": 3}'], ids=range(5))
def test_a_pointer_that_is_not_ours_deletes_nothing_and_is_kept_aside(
    registry: FakeRegistry, cache: Cache, content: str
) -> None:
    for number in (1, 2):
        registry.promote("diabetes", number)
        poll(watched(cache, registry))
    content = content.replace("%s", registry.versions["diabetes", 2].manifest_sha256)
    (cache.folder / "diabetes" / "current.json").write_text(content)
    registry.promote("diabetes", 3)
    models = poll(watched(cache, registry))
    assert models.serving("diabetes")[0].reference.version == 3
    folders = sorted(path.name.split("-")[0] for path in (cache.folder / "diabetes").iterdir() if path.is_dir())
    assert folders == ["1", "2", "3"]
    [aside] = (cache.folder / "diabetes").glob("current.json.kept-*")
    assert aside.read_text() == content


def test_a_pointer_of_another_release_serves(registry: FakeRegistry, cache: Cache) -> None:
    registry.promote("diabetes", 1)
    poll(watched(cache, registry))
    file = cache.folder / "diabetes" / "current.json"
    file.write_text(file.read_text()[:-1] + ', "since": "0.9"}')
    registry.away = True
    assert poll(watched(cache, registry)).names() == ("diabetes",)


def test_old_versions_stay_until_the_new_pointer_can_be_read(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        registry.promote("diabetes", number)
        poll(watched(cache, registry))
    write = Cache.write

    def write_half(self: Cache, file: Path, content: Any) -> None:
        write(self, file, content)
        if isinstance(content, Pointer):
            file.write_bytes(file.read_bytes()[:10])

    monkeypatch.setattr(Cache, "write", write_half)
    registry.promote("diabetes", 3)
    poll(watched(cache, registry))
    assert {path.name.split("-")[0] for path in (cache.folder / "diabetes").glob("*-*") if path.is_dir()} == {
        "1",
        "2",
        "3",
    }


def test_where_the_version_that_served_cannot_the_one_before_does(registry: FakeRegistry, cache: Cache) -> None:
    for number in (1, 2):
        registry.promote("diabetes", number)
        poll(watched(cache, registry))
    [folder] = (cache.folder / "diabetes").glob("2-*")
    (folder / "model.skops").write_bytes(b"changed")
    registry.away = True
    models = poll(watched(cache, registry))
    served, slot = models.serving("diabetes")
    assert served.reference.version == 1
    assert slot.refused is not None
    assert slot.refused.version == 2
    assert "model.skops" in slot.refused.reason
    registry.away = False
    models = poll(watched(cache, registry))
    assert models.serving("diabetes")[0].reference.version == 2


def test_a_version_whose_files_are_gone_is_fetched_into_the_same_place(registry: FakeRegistry, cache: Cache) -> None:
    registry.promote("diabetes", 1)
    poll(watched(cache, registry))
    [folder] = (cache.folder / "diabetes").glob("1-*")
    (folder / "model.skops").unlink()
    registry.away = True
    assert "model.skops is missing" in poll(watched(cache, registry)).not_ready()[0]
    assert folder.is_dir()
    registry.away = False
    assert poll(watched(cache, registry)).names() == ("diabetes",)


def test_a_refused_version_is_not_downloaded_again(registry: FakeRegistry, cache: Cache, tmp_path: Path) -> None:
    now[0] = 0.0
    digest = write_regressor(tmp_path / "bad", 4.0, packages={"scikit-learn": "0.1.2"})
    registry.register("diabetes", 4, tmp_path / "bad", digest)
    registry.promote("diabetes", 4)
    watch = watched(cache, registry, clock=lambda: now[0])
    for second in range(0, 600, 20):
        now[0] = float(second)
        poll(watch)
    assert registry.downloads == [4]


def test_the_lane_of_a_version_ends_when_it_leaves_memory(registry: FakeRegistry, cache: Cache) -> None:
    watch = watched(cache, registry)
    lanes = []
    for number in (1, 2, 3):
        registry.promote("diabetes", number)
        lanes.append(poll(watch).serving("diabetes")[0].lane)
    assert [lane._is_closed for lane in lanes] == [True, False, False]
    del registry.champions["diabetes"]
    poll(watch)
    assert [lane._is_closed for lane in lanes] == [True, True, True]


def test_where_memory_is_short_the_version_before_is_let_go_of_first(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watched(cache, registry)
    models = watch.followers.place.models
    monkeypatch.setattr(memory, "free", lambda: 0 if models.with_previous() else 2**40)
    registry.promote("penguins", 1)
    lanes = []
    for number in (1, 2, 3):
        registry.promote("diabetes", number)
        lanes.append(poll(watch).serving("diabetes")[0].lane)
    assert models.serving("diabetes")[0].reference.version == 3
    assert [lane._is_closed for lane in lanes] == [True, False, False]
    registry.promote("diabetes", 1)
    assert poll(watch).serving("diabetes")[0].reference.version == 1


def test_a_version_that_cannot_fit_is_refused_with_the_figures_before_it_is_tried(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.promote("diabetes", 1)
    watch = watched(cache, registry)
    models = poll(watch)
    monkeypatch.setattr(memory, "free", lambda: 3 * 1024**2)
    monkeypatch.setattr(memory, "limit", lambda: 2 * 1024**3)
    monkeypatch.setattr(memory, "needed", lambda folder, manifest: 8 * 1024**3)
    monkeypatch.setattr(trial, "run", _raising(AssertionError("it was tried")))
    registry.promote("diabetes", 2)
    served, slot = poll(watch).serving("diabetes")
    assert served.reference.version == 1
    assert slot.refused is not None
    assert slot.refused.reason == (
        "it needs 8.0 GiB of memory, and 3 MiB of 2.0 GiB are free: give this process more memory"
    )
    assert models.names() == ("diabetes",)


def test_a_full_disk_keeps_what_served_last_serving(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 1):
        registry.promote("diabetes", number)
        poll(watched(cache, registry))
    monkeypatch.setattr(Cache, "write", _raising(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    registry.away = True
    models = poll(watched(cache, registry))
    assert models.serving("diabetes")[0].reference.version == 1
    assert models.slot("diabetes").refused is None


def test_readiness_does_not_depend_on_who_asked_before(registry: FakeRegistry, cache: Cache) -> None:
    registry.promote("penguins", 1)
    poll(watched(cache, registry))
    shutil.rmtree(registry.folders["diabetes", 1])
    registry.promote("diabetes", 1)
    for asks in (True, False):
        watch = watched(cache, registry)
        watch.followers.resume()
        for follower in watch.followers.all():
            follower.step()
        if asks:
            assert watch.followers.place.models.not_ready() == ()
        models = poll(watch)
        assert models.names() == ("penguins",)
        assert models.not_ready() == (), "diabetes turned up later, and is refused"


def test_what_the_first_answer_names_is_decided_before_it_is_ready(registry: FakeRegistry, cache: Cache) -> None:
    for name in ("penguins", "diabetes"):
        registry.promote(name, 1)
    watch = watched(cache, registry)
    watch.poll()
    models = watch.followers.place.models
    assert len(models.not_ready()) == 2
    watch.followers.of("penguins").step()
    assert [reason.split(":")[0] for reason in models.not_ready()] == ["diabetes"]
    shutil.rmtree(registry.folders["diabetes", 1])
    watch.followers.of("diabetes").step()
    assert models.not_ready() == (), "what is refused is decided"


def test_configured_models_must_all_be_served(registry: FakeRegistry, cache: Cache) -> None:
    registry.promote("penguins", 1)
    models = poll(watched(cache, registry, models=("penguins", "diabetes")))
    assert [reason.split(":")[0] for reason in models.not_ready()] == ["diabetes"]
