"""`/docs` without internet: Swagger UI from its bundled files, over the document of the models that serve."""

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

from mlyard_model_api.routes.openapi.document import TITLE, Document


def router(document: Document) -> APIRouter:
    """Return the routes of the page and the document, which need no key."""
    routes = APIRouter()

    @routes.get("/")
    async def root() -> Response:
        return RedirectResponse("docs")

    @routes.get("/docs")
    async def docs() -> Response:
        return get_swagger_ui_html(
            # Relative, so that the page also works behind a path prefix.
            openapi_url="openapi.json",
            title=TITLE,
            swagger_js_url="docs/files/swagger-ui-bundle.js",
            swagger_css_url="docs/files/swagger-ui.css",
            swagger_favicon_url="docs/files/favicon-32x32.png",
            # Swagger UI would send the document's address to a validator on the internet.
            swagger_ui_parameters={"validatorUrl": None},
        )

    @routes.get("/openapi.json")
    def openapi() -> Response:
        # In a thread: thousands of columns take a while.
        return Response(document.content(), media_type="application/json")

    return routes


def add_files(app: FastAPI) -> None:
    """Add what the page loads."""
    app.mount("/docs/files", StaticFiles(directory=swagger_ui_path))
