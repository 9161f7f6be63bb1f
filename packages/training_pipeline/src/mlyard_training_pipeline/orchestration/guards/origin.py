"""No page of another origin writes here.

Airflow's page signs in with a cookie, which a browser sends along with what a page of the same site asks for: for it,
every port of this machine is one site. It tells the origin of a page with each request that may change something;
programs send none.
"""

import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

from mlyard_training_pipeline.orchestration.guards.asgi import (
    SAFE,
    Asgi,
    Header,
    Message,
    Receive,
    Send,
    refuse,
    values,
)

PORTS = {"http": 80, "https": 443}
OWN_SITES = {"same-origin", "none"}
"""What a browser's Sec-Fetch-Site says of a page of this server, and of an address that a person has typed."""


def own_origin_only(app: Asgi, allowed: Iterable[str] = ()) -> Asgi:
    """Return the application for pages of its own origin, and of the allowed ones."""
    trusted = frozenset(origin.lower().rstrip("/") for origin in allowed)

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE and (foreign := _foreign(scope["headers"], trusted)):
            logging.getLogger(__name__).warning("refused what a page of %s sent", foreign)
            return await refuse(
                send,
                403,
                f"a page of {foreign} may not write here: where it is yours, add its origin to "
                "AIRFLOW__API__ACCESS_CONTROL_ALLOW_ORIGINS of the API server",
            )
        return await app(scope, receive, send)

    return guarded


def _foreign(headers: list[Header], trusted: frozenset[str]) -> str:
    """Name what sent a request, where that is a page of another origin."""
    origins, hosts = values(headers, b"origin"), values(headers, b"host")
    if not origins:
        own = all(site in OWN_SITES for site in values(headers, b"sec-fetch-site"))
        return "" if own else "another site"
    origin = origins[0].lower()
    own = len(origins) == 1 and (origin in trusted or (len(hosts) == 1 and _is_called(origin, hosts[0].lower())))
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
