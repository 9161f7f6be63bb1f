"""Is the process alive, and should it get requests?"""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from mlyard_model_api.routes.answers import Health
from mlyard_model_api.serving.models import Models


def router(models: Models) -> APIRouter:
    """Return the health routes, which need no key."""
    routes = APIRouter(prefix="/health", tags=["health"])

    @routes.get("/live", summary="The process answers")
    async def live() -> Health:
        return Health(status="live")

    @routes.get(
        "/ready",
        summary="Every model that should be served is",
        response_model=Health,
        responses={503: {"model": Health, "description": "Not yet, and why"}},
    )
    async def ready() -> Response:
        reasons = models.not_ready()
        health = Health(status="not ready" if reasons else "ready", reasons=reasons)
        return JSONResponse(health.model_dump(mode="json"), 503 if reasons else 200)

    return routes
