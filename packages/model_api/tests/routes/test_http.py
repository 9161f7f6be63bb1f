"""What HTTP asks of every route alike."""

import asyncio
import logging

import httpx
import pytest
from mlyard_model_api.routes.http import Http
from mlyard_model_api.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry

from ..conftest import Start, until
from ..fake_registry import FakeRegistry
from ..versions import PENGUIN

pytestmark = pytest.mark.anyio
PREFLIGHT = {
    "Origin": "https://app.test",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.mark.parametrize("path", ["/health/live", "/docs", "/openapi.json", "/docs/files/swagger-ui.css", "/models"])
async def test_head_is_get_without_a_body(start: Start, path: str) -> None:
    async with start(ready=False) as client:
        client.headers["X-Request-ID"] = "the-same"
        get, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


async def test_head_of_the_readiness_says_it_too(start: Start) -> None:
    async with start(ready=False) as client:
        response = await client.head("/health/ready")
    assert (response.status_code, response.headers["Retry-After"], response.content) == (503, "1", b"")


async def test_what_may_be_got_may_be_asked_for_by_head(start: Start) -> None:
    async with start(ready=False) as client:
        assert (await client.post("/health/live")).headers["Allow"] == "GET, HEAD"
        assert (await client.get("/models/x/predict")).headers["Allow"] == "POST"
        assert (await client.head("/models/x/predict")).status_code == 405


@pytest.mark.parametrize("path", ["/health%2flive", "/health%2Flive", "/models%2Fpenguins", "/docs%2ffiles/x"])
async def test_an_encoded_slash_separates_nothing(start: Start, registry: FakeRegistry, path: str) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        assert (await client.get(path)).status_code == 404
        del client.headers["Authorization"]
        assert (await client.get(path)).status_code == 401


async def test_an_encoded_slash_is_part_of_a_name(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        assert (await client.get("/models/%70enguins")).status_code == 200
        unknown = await client.get("/models/penguins%2Fpredict")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_unknown")


async def test_the_first_page_leads_to_the_documentation(start: Start) -> None:
    async with start(ready=False) as client:
        del client.headers["Authorization"]
        response = await client.get("/")
        assert response.status_code == 307
        # Relative, so that it leads there behind a path prefix too.
        assert response.headers["Location"] == "docs"
        assert str(httpx.URL("http://api/prefix/").join("docs")) == "http://api/prefix/docs"
        assert (await client.get("/", follow_redirects=True)).url.path == "/docs"


LATER = [
    ("GET", "/health/ready"),
    ("GET", "/models/penguins"),
    ("POST", "/models/penguins/predict"),
    ("POST", "/models/penguins/invocations"),
    ("GET", "/models/penguins/ping"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/penguins"),
    ("GET", "/v2/models/penguins/versions/1/ready"),
    ("POST", "/v2/models/penguins/infer"),
]


async def test_every_503_says_when_to_come_again(start: Start, registry: FakeRegistry) -> None:
    registry.away = True
    async with start(ready=False) as client:

        async def asked() -> bool:
            return (await client.get("/health/ready")).status_code == 503

        await until(asked)
        for method, path in LATER:
            response = await client.request(method, path)
            assert (response.status_code, response.headers.get_list("Retry-After")) == (503, ["1"]), path


async def test_a_request_is_logged_where_that_is_set_without_what_it_sent(
    start: Start, registry: FakeRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    registry.promote("penguins", 1)
    body = {"rows": [PENGUIN | {"island": "a secret island"}]}
    caplog.set_level(logging.DEBUG)
    for logs in (False, True):
        caplog.clear()
        async with start(log_requests=logs) as client:
            sent = {"X-Request-ID": "job:7", "X-Secret": "a secret header"}
            await client.post("/models/penguins/predict?version=1", json=body, headers=sent)
            await client.get("/a-secret-path?key=a-secret-key", headers={"Authorization": "Bearer a-secret-key"})
        told = [record.getMessage() for record in caplog.records if record.name == "mlyard_model_api.requests"]
        told = [line for line in told if "/health/" not in line]
        # httpx, whose log is here too, is the client.
        ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("mlyard"))
        assert "secret" not in ours
        assert len(told) == (2 if logs else 0)
    assert "request_id=job:7 method=POST route=/models/{name}/predict model=penguins version=1 status=200" in told[0]
    assert "method=GET route=other status=401" in told[1]


async def test_each_answer_has_an_id_of_its_own(start: Start) -> None:
    async with start(ready=False) as client:
        ids = [(await client.get(path)).headers.get_list("X-Request-ID") for path in ("/health/live", "/nowhere") * 2]
    assert [len(found) for found in ids] == [1, 1, 1, 1]
    assert len({found[0] for found in ids}) == 4


@pytest.mark.parametrize("path", ["/health/live", "/models", "/nowhere", "/models/x/predict"])
async def test_the_id_that_a_client_sends_comes_back(start: Start, path: str) -> None:
    async with start(ready=False) as client:
        answer = await client.get(path, headers={"X-Request-ID": "job:7"})
        refused = await client.get(path, headers={"X-Request-ID": 'a" or not'})
    assert answer.headers.get_list("X-Request-ID") == ["job:7"]
    assert refused.headers["X-Request-ID"] != 'a" or not'


async def test_an_error_is_a_problem_of_rfc_9457(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        body = {"columns": {name: [value, value] for name, value in (PENGUIN | {"mass": "secret"}).items()}}
        answer = await client.post("/models/penguins/predict", json=body, headers={"X-Request-ID": "job:7"})
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.pop("error")["code"] == "wrong_type"
    assert problem == {
        "type": "urn:mlyard:problem:wrong_type",
        "title": "Wrong type",
        "status": 422,
        "detail": "row 0, column mass: must be an integer, written without a decimal point or an exponent",
        "instance": "urn:mlyard:request:job:7",
    }


async def test_a_path_prefix_may_be_there_or_taken_away(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start(path_prefix="/ml/api") as client:
        for prefix in ("", "/ml/api"):
            assert (await client.get(f"{prefix}/health/live")).status_code == 200
            assert (await client.get(f"{prefix}/models/penguins")).status_code == 200
            answer = await client.post(f"{prefix}/models/penguins/predict", json={"rows": [PENGUIN]})
            assert answer.status_code == 200
            unknown = await client.post(f"{prefix}/models/a%2Fb/predict", json={"rows": [PENGUIN]})
            assert unknown.json()["error"]["code"] == "model_unknown"
            page = await client.get(f"{prefix}/docs")
            assert (await client.get(page.url.join("openapi.json"))).status_code == 200
            assert (await client.get(page.url.join("docs/files/swagger-ui.css"))).status_code == 200
            assert (await client.get(f"{prefix}/", follow_redirects=True)).url.path == f"{prefix}/docs"
        assert (await client.get("/ml/api", follow_redirects=True)).url.path == "/ml/api/docs"
        assert (await client.get("/ml/apix")).status_code == 404
        del client.headers["Authorization"]
        assert (await client.get("/ml/api/models")).status_code == 401
        assert (await client.get("/ml/api/health/live")).status_code == 200


async def test_pages_of_other_origins_may_not_call_by_default(start: Start) -> None:
    async with start(ready=False) as client:
        answer = await client.get("/models", headers={"Origin": "https://app.test"})
        preflight = await client.options("/models", headers=PREFLIGHT)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert preflight.status_code == 405
    assert not [name for name in preflight.headers if name.startswith("access-control")]


async def test_pages_of_the_origins_that_are_set_may_call(start: Start) -> None:
    async with start(ready=False, cors_origins=("https://app.test", "https://b.test")) as client:
        answer = await client.get("/models", headers={"Origin": "https://app.test"})
        other = await client.get("/models", headers={"Origin": "https://evil.test"})
        del client.headers["Authorization"]
        preflight = await client.options("/models/x/predict", headers=PREFLIGHT)
        refused = await client.options("/models/x/predict", headers=PREFLIGHT | {"Origin": "https://evil.test"})
        without_key = await client.get("/models", headers={"Origin": "https://app.test"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.test"
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in other.headers
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.test"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert refused.headers["X-Request-ID"] != preflight.headers["X-Request-ID"]
    # The page has to see that it is the key that is wrong.
    assert without_key.status_code == 401
    assert without_key.headers["Access-Control-Allow-Origin"] == "https://app.test"


async def test_a_client_that_goes_before_its_answer_is_counted() -> None:
    async def never(_scope: object, _receive: object, _send: object) -> None:
        raise asyncio.CancelledError

    metrics = Metrics()
    scope = {"type": "http", "method": "GET", "path": "/models", "headers": []}
    with pytest.raises(asyncio.CancelledError):
        await Http(never, ["/models"], metrics=metrics)(scope, None, None)  # type: ignore[arg-type]
    page, _ = metrics.page("", CollectorRegistry())
    assert b'mlyard_model_api_requests_total{model="",route="/models",status="499",version=""} 1.0' in page
