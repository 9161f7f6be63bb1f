"""The speed limit: Starlette alone, which parses the body with orjson and answers a constant."""

import sys

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

ANSWER = orjson.dumps(
    {
        "model": "linear",
        "version": 1,
        "predictions": [
            {
                "id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "prediction": "no",
                "probabilities": {"no": 0.8123456789012345, "yes": 0.1876543210987655},
            }
        ],
    }
)


async def predict(request: Request) -> Response:
    """Parse, and answer always the same."""
    orjson.loads(await request.body())
    return Response(ANSWER, media_type="application/json")


async def health(_request: Request) -> Response:
    """Answer."""
    return PlainTextResponse("OK")


app = Starlette(routes=[Route("/predict", predict, methods=["POST"]), Route("/health", health)])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), http="httptools", loop="uvloop", access_log=False, log_level="warning")
