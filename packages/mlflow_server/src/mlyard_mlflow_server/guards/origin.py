"""No page of another origin writes here, and none reads.

MLflow takes every page of this machine for its own, whatever its port, and looks at its API's paths alone. A browser
tells the origin of a page with each request that may change something; programs send none.
"""

import logging
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from mlyard_mlflow_server.guards.asgi import SAFE, Asgi, Header, Message, Receive, Send, refuse, values
from mlyard_mlflow_server.guards.notices import notice

PORTS = {"http": 80, "https": 443}
OWN_SITES = {"same-origin", "none"}
"""What a browser's Sec-Fetch-Site says of a page of this server, and of an address that a person has typed."""


def own_origin_only(app: Asgi, allowed: Iterable[str]) -> Asgi:
    """Return the application for pages of its own origin, and of the allowed ones, which may be patterns with a `*`.

    MLflow sees the Origin of the allowed ones alone: it grants the others nothing, so that a browser keeps the answer
    from a foreign page that reads.
    """
    patterns = tuple(origin.lower().rstrip("/") for origin in allowed)

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        if not all(host.isascii() for host in values(scope["headers"], b"host")):
            # MLflow would fail where it reads one.
            return await refuse(send, 400, code="BAD_REQUEST", message="the Host header is not the name of a host")
        if _is_allowed(scope["headers"], patterns):
            return await app(scope, receive, send)
        if scope["method"] not in SAFE and (foreign := _foreign(scope["headers"])):
            notice(f"refused what a page of {foreign} sent", level=logging.WARNING)
            message = (
                f"a page of {foreign} may not write here: where it is yours, "
                "add its origin to MLFLOW_SERVER_CORS_ALLOWED_ORIGINS of the server"
            )
            return await refuse(send, 403, code="PERMISSION_DENIED", message=message)
        headers = [header for header in scope["headers"] if header[0].lower() != b"origin"]
        return await app({**scope, "headers": headers}, receive, send)

    return guarded


def _is_allowed(headers: list[Header], patterns: tuple[str, ...]) -> bool:
    origins = [origin.lower() for origin in values(headers, b"origin")]
    return len(origins) == 1 and any(
        fnmatchcase(origins[0], pattern) if "*" in pattern else origins[0] == pattern for pattern in patterns
    )


def _foreign(headers: list[Header]) -> str:
    """Name what sent a request, where that is a page of another origin."""
    origins, hosts = values(headers, b"origin"), values(headers, b"host")
    if not origins:
        own = all(site in OWN_SITES for site in values(headers, b"sec-fetch-site"))
        return "" if own else "another site"
    own = len(origins) == len(hosts) == 1 and _is_called(origins[0].lower(), hosts[0].lower())
    return "" if own else repr(", ".join(origins))


def _is_called(origin: str, host: str) -> bool:
    """Tell whether the origin is what the client calls this server."""
    place = _place(origin)
    return place is not None and place == _place(f"{origin.partition(':')[0]}://{host}")


def _place(origin: str) -> tuple[str, int] | None:
    """The host and port of an origin, None for what has none, such as `null`."""
    try:
        parts = urlsplit(origin)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    bare = parts.scheme in PORTS and f"{parts.scheme}://{parts.netloc}" == origin and "@" not in parts.netloc
    return (parts.hostname, port) if bare and parts.hostname and port else None
