"""The shortest way to an answer: in the moment in which a request's bytes are read, with no task and no middleware.

Health is answered so, which has to be quick beside any load: a task would be run only after all requests that were
read in the same turn of the event loop are answered. And so is a prediction that has come as a whole, carries the key,
asks a quick version for few rows, and needs nothing of what `Http` and the framework do beside. All else goes the long
way through them, and finds the same there: the same protocol reads and writes, the same table makes the errors, and
the same figures are counted.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, Protocol

from starlette.types import Scope

from mlyard_model_api.errors import Unanswered
from mlyard_model_api.prediction import Predictions, Waiting, count, predict_soon
from mlyard_model_api.protocols.protocol import QUICK_BYTES, Call, Headers
from mlyard_model_api.routes.dispatch import PredictionRoute, Routes
from mlyard_model_api.routes.health import TEMPLATES, Health
from mlyard_model_api.routes.refusals import bug, refusal
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.version import Reference
from mlyard_model_api.telemetry.logs import log_request
from mlyard_model_api.telemetry.metrics import Metrics
from mlyard_model_api.telemetry.observation import REQUEST_ID, Observation, identify, request_id

LONG_WAY = frozenset((b"content-encoding", b"transfer-encoding", b"expect", b"origin", b"upgrade"))
"""Headers that need what is done on the long way."""

_HEALTH = {path.encode("ascii"): path for path in TEMPLATES}

log = logging.getLogger(__name__)


class Head(Protocol):
    """The first lines of a request, as the transport has them."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]


class Request(Protocol):
    """A request that has come as a whole."""

    @property
    def head(self) -> Head:
        """Its first lines."""

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits for the answer any more."""

    @property
    def body(self) -> bytearray:
        """Its body."""

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer."""


class HealthCheck(NamedTuple):
    """A request at one of the addresses of health."""

    path: str
    headers: Headers


class Prepared(NamedTuple):
    """What is known of a prediction from its head."""

    route: PredictionRoute
    parameters: Mapping[str, str]
    scope: Scope


class Shortcut:
    """Answers predictions for the transport."""

    def __init__(
        self,
        routes: Routes,
        models: Models,
        *,
        health: Health,
        allows: Callable[[Headers], bool],
        metrics: Metrics,
        max_rows: int,
        logs: bool,
    ) -> None:
        """`allows` says whether headers carry the key, `logs` whether each request is logged."""
        self._routes = routes
        self._models = models
        self._health = health
        self._allows = allows
        self._metrics = metrics
        self._max_rows = max_rows
        self._logs = logs

    def prepare(self, head: Head) -> Prepared | HealthCheck | None:
        """What can be known from a head; None where the long way answers, be it with a refusal."""
        path, _, query = head.target.partition(b"?")
        if b"%" in path or b"#" in head.target or any(name in LONG_WAY for name, _ in head.headers):
            return None
        if head.method == "GET" and path in _HEALTH:
            return HealthCheck(_HEALTH[path], head.headers)
        found = self._routes.find(path.decode("ascii")) if head.method == "POST" and path[:1] == b"/" else None
        if found is None or not self._allows(head.headers):
            return None
        scope: Scope = {"query_string": query, "headers": head.headers, "path": path.decode("ascii")}
        return Prepared(*found, scope)

    def answer(self, prepared: Prepared | HealthCheck, request: Request) -> bool:
        """Answer, now or with what comes at the same time; False where it goes the long way."""
        if isinstance(prepared, HealthCheck):
            return self._answer_health(prepared, request)
        body = request.body
        if len(body) > QUICK_BYTES:
            return False
        started = perf_counter()
        route, parameters, scope = prepared
        reference: Reference | None = None
        try:
            version = route.select(self._models, parameters, scope)
            if not version.pace.quick_rows:
                return False
            reference = version.reference
            call = route.protocol.open(scope["headers"], scope["query_string"])
            if call.preparation is not None:
                return False
            columns = call.decode(body, version.manifest, max_rows=self._max_rows)
            if count(columns) > version.pace.quick_rows:
                return False
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told as on the long way
            self._tell(prepared, request, started, reference, None, error)
            return True
        tell = partial(self._tell, prepared, request, started, reference, call)
        predict_soon(version, columns, Waiting(tell, partial(_is_gone, request)))
        return True

    def _answer_health(self, asked: HealthCheck, request: Request) -> bool:
        """Answer where all is well."""
        started = perf_counter()
        status, body = self._health.answer(asked.path) or (404, b"")
        if status != 200:
            return False
        identity = identify(asked.headers)
        request.respond(200, [(b"content-type", b"application/json"), (REQUEST_ID, identity.encode("ascii"))], body)
        seconds = perf_counter() - started
        self._metrics.answered(asked.path, "", None, 200, seconds)
        if self._logs:
            log_request(Observation(identity, "GET", asked.path, "", None, 200, seconds))
        return True

    def _tell(
        self,
        prepared: Prepared,
        request: Request,
        started: float,
        reference: Reference | None,
        call: Call | None,
        outcome: Predictions | Exception,
    ) -> None:
        """Answer with what came of it, and note that."""
        identity = identify(prepared.scope["headers"])
        status, headers, body = _response(prepared.route, call, outcome, identity)
        request.respond(status, [*headers, (REQUEST_ID, identity.encode("ascii"))], body)
        name, number = (reference.name, reference.version) if reference is not None else ("", None)
        seconds = perf_counter() - started
        self._metrics.answered(prepared.route.template, name, number, status, seconds)
        if self._logs:
            log_request(Observation(identity, "POST", prepared.route.template, name, number, status, seconds))


def _response(
    route: PredictionRoute, call: Call | None, outcome: Predictions | Exception, identity: str
) -> tuple[int, Headers, bytes]:
    """Status, headers and body of an answer."""
    try:
        if call is not None and not isinstance(outcome, Exception):
            answer = call.encode(outcome)
            return 200, ((b"content-type", answer.media_type), *answer.headers), answer.body
    except Unanswered as error:
        outcome = error
    # A server outlives whatever goes wrong in it.
    except Exception as error:  # noqa: BLE001
        outcome = error
    token = request_id.set(identity)
    if isinstance(outcome, Unanswered):
        response = refusal(outcome, route.protocol)
    else:
        log.error("a request failed", exc_info=outcome if isinstance(outcome, Exception) else None)
        response = bug(route.protocol)
    request_id.reset(token)
    response.name(identity)
    headers: list[Any] = response.raw_headers
    return response.status_code, headers, bytes(response.body)


def _is_gone(request: Request) -> bool:
    return request.is_gone
