"""The reading account reads: what would write is refused before MLflow sees it.

MLflow lets each account that may read create experiments and models as well, and its routes grow with each version. The
method of a request decides here, so that a new route is closed to the reader until it is a GET.
"""

import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any

from werkzeug.datastructures import Authorization

from mlyard_mlflow_server.auth import READER

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]
Headers = Iterable[tuple[bytes, bytes]]

SAFE = {"GET", "HEAD", "OPTIONS"}
CREDENTIALS = (b"authorization", b"x-mlflow-authorization")
"""MLflow prefers the second one on its gateway's routes."""
REFUSAL = json.dumps(
    {
        "error_code": "PERMISSION_DENIED",
        "message": f"The account '{READER}' may only read: use the account 'pipeline' or one of your own to write",
    }
).encode()


def read_only_for_the_reader(app: Asgi) -> Asgi:
    """Return the application with writes of the reading account refused."""

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE and _may_be_the_reader(scope["headers"]):
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(REFUSAL)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL})
        else:
            await app(scope, receive, send)

    return guarded


def _may_be_the_reader(headers: Headers) -> bool:
    """Tell whether credentials name the reader, or could be taken for the reader's by one of MLflow's two parsers.

    One parser is Flask's, the same as here. The other takes any white space after `Basic`, and the first of several
    headers where Flask joins them: what is not plain is refused.
    """
    for name in CREDENTIALS:
        values = [value.decode("latin-1").strip() for header, value in headers if header.lower() == name]
        if len(values) > 1:
            return True
        for value in values:
            if value.lower().startswith("basic"):
                account = Authorization.from_header(value)
                if account is None or account.username in (None, "", READER):
                    return True
    return False
