"""The application: the models that are served, the thread that follows the registry, the routes."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from mlyard_model_api.access.bodies import Bodies
from mlyard_model_api.access.keys import DOCS, KeyDoor, api_key
from mlyard_model_api.errors import BrokenRequest, Unanswered
from mlyard_model_api.routes import docs, health
from mlyard_model_api.routes import mlflow as mlflow_routes
from mlyard_model_api.routes import models as model_routes
from mlyard_model_api.routes import v2 as v2_routes
from mlyard_model_api.routes.cors import with_cors
from mlyard_model_api.routes.dispatch import Dispatch, Routes
from mlyard_model_api.routes.health import Health
from mlyard_model_api.routes.http import Http
from mlyard_model_api.routes.metrics import PATH as METRICS_PATH
from mlyard_model_api.routes.metrics import MetricsPage
from mlyard_model_api.routes.openapi.document import Document
from mlyard_model_api.routes.predictions import Predictor
from mlyard_model_api.routes.refusals import handle_errors, protocol_of, refusal
from mlyard_model_api.routes.repository import Repository
from mlyard_model_api.routes.shortcut import Shortcut
from mlyard_model_api.serving.assembly import assemble
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.registry import Registry
from mlyard_model_api.settings import Settings
from mlyard_model_api.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class Api(Starlette):
    """The framework, and before it what every request passes: plain ASGI, the outermost first."""

    door: ASGIApp
    shortcut: Shortcut
    broken: Callable[[BrokenRequest], ASGIApp]
    """Makes what answers to a request that is not HTTP, which is counted as others are."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by the door; the framework has the rest."""
        await (self.door if scope["type"] == "http" else self.framework)(scope, receive, send)

    async def framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is behind the door."""
        await super().__call__(scope, receive, send)


def create_app(settings: Settings, *, registry: Callable[[], Registry] | None = None, patience: float = 0.0) -> Api:
    """Make the application; models are loaded and the registry is asked while it runs.

    Args:
        settings: the service's settings.
        registry: connects to the registry, in the watch's thread at its first poll; by default to `registry_uri`.
        patience: how many seconds the start waits at most for what is in the cache, as one worker of several does.

    Raises:
        CacheUnusable: the cache folder cannot be written.
        SettingsError: the key in the cache folder cannot be read, or the registry's account is given by half.
    """
    cache = Cache(settings.cache)
    cache.prepare()
    models = Models(settings.models, default_model=settings.default_model)
    bodies = Bodies(limit=settings.bodies_bytes, largest=settings.max_body_bytes, seconds=settings.body_seconds)
    predictor = Predictor(bodies, max_rows=settings.max_rows, seconds=settings.deadline_seconds)
    metrics = Metrics()
    watch = assemble(settings, models, cache, registry=registry, metrics=metrics)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        watch.start()
        if patience:
            await asyncio.to_thread(_wait_for, models, patience)
        yield
        watch.stop()
        predictor.close()

    repository = Repository(
        models, settings.cache, loadable=settings.loadable_models, seconds=settings.deadline_seconds
    )
    routes = [
        *model_routes.routes(models),
        *mlflow_routes.routes(models),
        *v2_routes.routes(models, repository),
        *docs.routes(Document(models, settings)),
    ]
    addresses = Routes(
        [
            *model_routes.prediction_routes(),
            *mlflow_routes.prediction_routes(),
            *v2_routes.prediction_routes(),
        ]
    )
    routes += addresses.stubs()
    app = Api(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False
    handle_errors(app)
    predictions = Dispatch(app.framework, addresses, models=models, predictor=predictor)
    page = MetricsPage(predictions, models, metrics)
    key = api_key(settings, cache)
    keyed = KeyDoor(
        page,
        key=key,
        refuse=_refuse,
        open_predictions=settings.anonymous_predictions,
        open_docs=settings.anonymous_docs,
    )
    opened = MetricsPage(keyed, models, metrics) if settings.anonymous_metrics else keyed
    checks = Health(opened, models)
    app.door = Http(
        with_cors(checks, settings.cors_origins),
        [
            *health.TEMPLATES,
            METRICS_PATH,
            *(str(getattr(route, "path", "")) for route in routes),
        ],
        metrics=metrics,
        prefix=settings.path_prefix,
        logs=settings.log_requests,
    )
    of_broken = partial(_of_broken, settings.path_prefix)
    app.broken = lambda error: Http(partial(of_broken, error), (), metrics=metrics, logs=settings.log_requests)
    app.shortcut = Shortcut(
        addresses,
        models,
        health=checks,
        allows=keyed.allows,
        metrics=metrics,
        max_rows=settings.max_rows,
        logs=settings.log_requests,
    )
    return app


async def _of_broken(prefix: str, error: BrokenRequest, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer to what is not HTTP in the form of the protocol that it was sent to, as far as that can be told."""
    await refusal(error, protocol_of(scope["path"].removeprefix(prefix)))(scope, receive, send)


def _refuse(error: Unanswered, path: str) -> ASGIApp:
    refused = refusal(error, protocol_of(path))
    if DOCS.fullmatch(path):
        # A browser asks the person for it.
        refused.headers["WWW-Authenticate"] = 'Basic realm="the API key as the password"'
    return refused


def _wait_for(models: Models, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while models.not_ready() and time.monotonic() < deadline:
        time.sleep(0.01)
