import os
import shutil
from pathlib import Path

import pytest
from mlyard_model_api.app import create_app
from mlyard_model_api.errors import CacheUnusable
from mlyard_model_api.serving.cache import Cache, Pointer
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.version import Reference
from mlyard_model_api.settings import Settings

from ..fake_registry import FakeRegistry
from .watched import poll, watched

FOLDER = "cache"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / FOLDER)
    cache.prepare()
    return cache


def deployed(registry: FakeRegistry, cache: Cache, *versions: int) -> Models:
    watch = watched(cache, registry)
    for version in versions:
        registry.promote("diabetes", version)
        poll(watch)
    return watch.followers.place.models if versions else poll(watch)


def restarted(cache: Cache) -> Models:
    away = FakeRegistry()
    away.away = True
    return deployed(away, cache)


def test_the_cache_serves_without_a_registry(registry: FakeRegistry, cache: Cache) -> None:
    deployed(registry, cache, 1, 2)
    models = restarted(cache)
    assert models.serving("diabetes")[0].reference.version == 2
    assert models.not_ready() == ()


def test_the_cache_keeps_the_current_version_and_the_one_before(registry: FakeRegistry, cache: Cache) -> None:
    deployed(registry, cache, 1, 2, 3)
    folders = sorted(path.name.split("-")[0] for path in (cache.folder / "diabetes").iterdir() if path.is_dir())
    assert folders == ["2", "3"]
    assert list((cache.folder / ".work").iterdir()) == []


def test_the_version_before_comes_back_from_the_cache_after_a_restart(registry: FakeRegistry, cache: Cache) -> None:
    deployed(registry, cache, 1, 2)
    downloads = len(registry.downloads)
    models = deployed(registry, cache, 1)
    assert models.serving("diabetes")[0].reference.version == 1
    assert len(registry.downloads) == downloads


@pytest.mark.parametrize("file", ["mlyard.json", "model.skops", "MLmodel"])
def test_a_changed_file_in_the_cache_is_refused_and_fetched_again(
    registry: FakeRegistry, cache: Cache, file: str
) -> None:
    deployed(registry, cache, 1)
    [folder] = (path for path in (cache.folder / "diabetes").iterdir() if path.is_dir())
    (folder / file).write_bytes((folder / file).read_bytes() + b" ")
    assert file in restarted(cache).not_ready()[0]
    models = deployed(registry, cache, 1)
    assert models.serving("diabetes")[0].reference.version == 1
    assert models.slot("diabetes").refused is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"current": {"name": "other", "version": 1, "digest": "x"}}'])
def test_a_damaged_pointer_counts_as_none(registry: FakeRegistry, cache: Cache, content: bytes) -> None:
    deployed(registry, cache, 1)
    (cache.folder / "diabetes" / "current.json").write_bytes(content)
    assert restarted(cache).names() == ()


def test_a_retired_model_does_not_come_back_at_the_start(registry: FakeRegistry, cache: Cache) -> None:
    watch = watched(cache, registry)
    registry.promote("diabetes", 1)
    poll(watch)
    registry.champions.clear()
    assert poll(watch).names() == ()
    assert restarted(cache).names() == ()


def test_a_model_that_lost_its_champion_while_the_api_was_down_is_retired(registry: FakeRegistry, cache: Cache) -> None:
    deployed(registry, cache, 1)
    registry.champions.clear()
    registry.away = True
    watch = watched(cache, registry)
    assert poll(watch).names() == ("diabetes",)
    registry.away = False
    assert poll(watch).names() == ()


def test_two_processes_share_a_folder(registry: FakeRegistry, cache: Cache) -> None:
    other = Cache(cache.folder)
    other.prepare()
    one, two = (watched(place, registry) for place in (cache, other))
    for version in (1, 2, 3, 1, 2):
        registry.promote("diabetes", version)
        assert {poll(watch).serving("diabetes")[0].reference.version for watch in (one, two)} == {version}
    assert restarted(cache).serving("diabetes")[0].reference.version == 2


@pytest.mark.parametrize(("lost", "kept"), [(None, "first"), ("model.skops", "second"), ("mlyard.json", "second")])
def test_a_place_that_another_process_has_filled_is_kept_unless_it_lacks_files(
    registry: FakeRegistry, cache: Cache, lost: str | None, kept: str
) -> None:
    version = registry.versions["diabetes", 1]
    reference = Reference(name="diabetes", version=1, digest=version.manifest_sha256)
    for content in ("first", "second"):
        with cache.work_folder() as folder:
            registry.download(version, folder)
            (folder / "file").write_text(content)
            cache.keep(folder, reference)
        if content == "first" and lost is not None:
            (cache.path(reference) / lost).unlink()
    assert (cache.path(reference) / "file").read_text() == kept
    assert not cache.lacks_files(reference)


def test_a_full_disk_keeps_the_old_version(
    registry: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watched(cache, registry)
    registry.promote("diabetes", 1)
    poll(watch)

    def full(pointer: Pointer) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(cache, "point", full)
    registry.promote("diabetes", 2)
    served, slot = poll(watch).serving("diabetes")
    assert served.reference.version == 1
    assert slot.refused is not None
    assert "its disk is full" in slot.refused.reason


def test_leftovers_of_crashed_processes_are_cleared_after_a_day(cache: Cache) -> None:
    old, new = cache.folder / ".work" / "old", cache.folder / ".work" / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "file").write_text("x")
    os.utime(old, (1, 1))
    cache.prepare()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_cache_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheUnusable, match=r"set MLYARD_MODEL_API_CACHE to another place$"):
        create_app(Settings(cache=tmp_path / "file" / "cache"))


def test_a_missing_version_folder_is_fetched_again(registry: FakeRegistry, cache: Cache) -> None:
    deployed(registry, cache, 1)
    for folder in (cache.folder / "diabetes").glob("1-*"):
        shutil.rmtree(folder)
    assert restarted(cache).names() == ()
    assert deployed(registry, cache, 1).names() == ("diabetes",)
