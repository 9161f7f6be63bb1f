"""Pages of other origins that may call the API from a browser."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Content-Encoding",
    "Inference-Header-Content-Length",
    "X-Request-ID",
)
ANSWER_HEADERS = ("Inference-Header-Content-Length", "Retry-After", "X-Request-ID")
PREFLIGHT_SECONDS = 600


def with_cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """The application for browsers at these origins too; a preflight is answered here, so it needs no key."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST"),
        allow_headers=REQUEST_HEADERS,
        expose_headers=ANSWER_HEADERS,
        max_age=PREFLIGHT_SECONDS,
    )
