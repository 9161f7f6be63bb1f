"""`/docs` without internet: Swagger UI from its bundled files, over the document of the models that serve."""

import json

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

from mlyard_model_api.routes.openapi.document import TITLE, Document

# Its addresses are relative, so that it also works behind a path prefix.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/files/swagger-ui.css">
<link rel="icon" href="docs/files/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/files/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({settings})</script>
</body>
</html>
"""
_SETTINGS = {
    "url": "openapi.json",
    "dom_id": "#swagger-ui",
    "deepLinking": True,
    "validatorUrl": None,  # by default it would send the document's address to a validator on the internet
}


def routes(document: Document) -> list[BaseRoute]:
    """Return the routes of the page, of what it loads, and of the document."""

    async def root(_request: Request) -> Response:
        return RedirectResponse("docs")

    async def page(_request: Request) -> Response:
        return HTMLResponse(_PAGE.format(title=TITLE, settings=json.dumps(_SETTINGS)))

    def openapi(_request: Request) -> Response:
        # In a thread: thousands of columns take a while.
        return Response(document.content(), media_type="application/json")

    return [
        Route("/", root),
        Route("/docs", page),
        Route("/openapi.json", openapi),
        Mount("/docs/files", StaticFiles(directory=swagger_ui_path)),
    ]
