import base64
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlyard_model_api.access.keys import api_key
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.settings import Settings
from mlyard_shared.errors import SettingsError

from ..conftest import KEY, Start
from ..fake_registry import FakeRegistry

pytestmark = pytest.mark.anyio
CLOSED = ["/models", "/models/penguins", "/models/x", "/nowhere", "/docsx", "/healthx", "/metrics", "/health/../models"]


def basic(account: str) -> str:
    return f"Basic {base64.b64encode(account.encode()).decode()}"


async def test_nothing_but_health_and_docs_answers_without_a_key(start: Start) -> None:
    async with start(ready=False) as client:
        del client.headers["Authorization"]
        for path in CLOSED:
            response = await client.get(httpx.URL(f"http://api{path}"))
            assert response.status_code == 401, path
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert response.json()["error"]["code"] == "key_refused"


async def test_a_wrong_key_is_none(start: Start) -> None:
    wrong: dict[str, Any] = {
        "wrong key": "Bearer wrong",
        "wrong scheme": f"Digest {KEY}",
        "no scheme": KEY,
        "longer key": f"Bearer {KEY}x",
        "not ASCII": "Bearer ü".encode("latin-1"),
        "Basic that is no base64": f"Basic {KEY}",
        "Basic without an account": "Basic",
        "wrong password": basic("user:wrong"),
        "key as a name": basic(f"{KEY}:"),
        "no password": basic(KEY),
        "empty password": basic("user:"),
    }
    async with start(ready=False) as client:
        for what, header in wrong.items():
            assert (await client.get("/models", headers={"Authorization": header})).status_code == 401, what


async def test_two_keys_are_no_key(start: Start) -> None:
    async with start(ready=False) as client:
        del client.headers["Authorization"]
        headers = [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer other")]
        assert (await client.get("/models", headers=headers)).status_code == 401


@pytest.mark.parametrize("path", ["/health/live", "/docs", "/openapi.json", "/docs/files/swagger-ui.css"])
async def test_health_and_docs_need_no_key(start: Start, path: str) -> None:
    async with start(ready=False) as client:
        del client.headers["Authorization"]
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("account", [f":{KEY}", f"anyone:{KEY}", f"ü:{KEY}"])
async def test_the_key_may_come_as_the_password_of_an_account(start: Start, account: str) -> None:
    async with start(ready=False) as client:
        assert (await client.get("/models", headers={"Authorization": basic(account)})).status_code == 200


async def test_the_scheme_is_not_case_sensitive(start: Start, registry: FakeRegistry) -> None:
    async with start(ready=False) as client:
        assert (await client.get("/models", headers={"Authorization": f"bearer {KEY}"})).status_code == 200


def test_a_key_is_made_once_in_the_cache_folder_for_its_owner_alone(tmp_path: Path) -> None:
    settings, cache = Settings(cache=tmp_path / "cache"), Cache(tmp_path / "cache")
    cache.prepare()
    key = api_key(settings, cache)
    file = tmp_path / "cache" / ".api_key"
    assert len(key) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert api_key(settings, cache) == key
    assert [path.name for path in file.parent.iterdir() if path.name != ".work"] == [".api_key"]


def test_the_key_never_gets_into_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache(tmp_path)
    cache.prepare()
    with caplog.at_level("DEBUG"):
        key = api_key(Settings(cache=tmp_path), cache)
    assert str(tmp_path / ".api_key") in caplog.text
    assert key not in caplog.text


def test_an_empty_key_file_is_no_open_door(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.prepare()
    (tmp_path / ".api_key").write_text("\n")
    with pytest.raises(SettingsError, match="remove the file"):
        api_key(Settings(cache=tmp_path), cache)
