"""`/docs` without internet: Swagger UI from its bundled files, and an OpenAPI document that it can show."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

OPENAPI_VERSION = "3.0.3"
"""The bundled Swagger UI does not show 3.1."""


def router(app: FastAPI) -> APIRouter:
    """Return the routes of the page and the document, which need no key."""
    routes = APIRouter()

    @routes.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("docs")

    @routes.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return get_swagger_ui_html(
            # Relative, so that the page also works behind a path prefix.
            openapi_url="openapi.json",
            title=app.title,
            swagger_js_url="docs/files/swagger-ui-bundle.js",
            swagger_css_url="docs/files/swagger-ui.css",
            swagger_favicon_url="docs/files/favicon-32x32.png",
            # Swagger UI would send the document's address to a validator on the internet.
            swagger_ui_parameters={"validatorUrl": None},
        )

    @routes.get("/openapi.json", include_in_schema=False)
    async def document() -> Response:
        return JSONResponse(app.openapi())

    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign] # FastAPI's documented way to change it
    return routes


def add_files(app: FastAPI) -> None:
    """Add what the page loads."""
    app.mount("/docs/files", StaticFiles(directory=swagger_ui_path))


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version=OPENAPI_VERSION,
        )
        app.openapi_schema = _truthful(document)
    return app.openapi_schema


def _truthful(document: dict[str, Any]) -> dict[str, Any]:
    """Take out the errors that FastAPI adds and this API never answers, and spell null as OpenAPI 3.0 does."""
    for operations in document["paths"].values():
        for operation in operations.values():
            described = operation["responses"].get("422", {})
            if "HTTPValidationError" in str(described):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    spelled: dict[str, Any] = _nullable(document)
    return spelled


def _nullable(node: Any) -> Any:
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _nullable(value) for key, value in node.items()}
    options = result.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del result["anyOf"]
        kept = rest[0] if len(rest) == 1 and "$ref" not in rest[0] else {"anyOf": rest}
        result |= kept | {"nullable": True}
    if "const" in result:
        result["enum"] = [result.pop("const")]
    return result
