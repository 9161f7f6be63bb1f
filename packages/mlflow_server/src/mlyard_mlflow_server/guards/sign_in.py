"""Nobody comes in without an account: read the credentials once, strictly, and let MLflow see only what is left.

MLflow has two readers of credentials of its own, which differ. It gets one plain header from here, whatever was sent.
"""

import time
from collections.abc import Callable

from mlyard_shared.delay import Delay

from mlyard_mlflow_server.auth import AccountsUnavailable
from mlyard_mlflow_server.guards.asgi import Asgi, Message, Receive, Send, refuse, values
from mlyard_mlflow_server.guards.credentials import Credentials, Unreadable
from mlyard_mlflow_server.guards.notices import notice
from mlyard_mlflow_server.guards.passwords import Passwords

ACCOUNT = "mlyard.account"
"""Where the name of the account stands in an ASGI scope."""
HEADER = b"authorization"
GATEWAY_HEADER = b"x-mlflow-authorization"
"""On routes of MLflow's gateway the other header may hold the key of whom the gateway asks."""
CHALLENGE = (b"www-authenticate", b'Basic realm="mlflow", charset="UTF-8"')


def signed_in_only(app: Asgi, passwords: Passwords, *, is_open: Callable[[str], bool], prefix: str = "") -> Asgi:
    """Return the application for accounts with their right passwords, and for everyone where a path is open.

    `prefix` is MLflow's static prefix.
    """
    delay = Delay()

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if is_open(path) or _is_preflight(scope):
            return await app(_from(scope, None), receive, send)
        on_gateway = path.removeprefix(prefix).startswith("/gateway/") and any(values(scope["headers"], GATEWAY_HEADER))
        header = GATEWAY_HEADER if on_gateway else HEADER
        try:
            credentials = await _account(scope, header, passwords, delay)
        except AccountsUnavailable as error:
            return await _try_later(send, str(error))
        if credentials is None:
            return await _challenge(send)
        return await app(_from(scope, credentials, header), receive, send)

    return guarded


async def _account(scope: Message, header: bytes, passwords: Passwords, delay: Delay) -> Credentials | None:
    """The account that a request signs in with, None where it does not."""
    started = time.monotonic()
    try:
        credentials = Credentials.read(scope["headers"], header)
    except Unreadable:
        return None
    if credentials is None or await passwords.are_right(credentials):
        return credentials
    seconds = delay.failed(credentials.name)
    # From the start of the request, so that the time does not tell whether there is such an account.
    await delay.wait(seconds - (time.monotonic() - started))
    return None


def _from(scope: Message, credentials: Credentials | None, header: bytes = HEADER) -> Message:
    """The scope as MLflow may see it."""
    dropped = {HEADER, GATEWAY_HEADER} if header == HEADER else {GATEWAY_HEADER}
    headers = [sent for sent in scope["headers"] if sent[0].lower() not in dropped]
    if credentials is None:
        return {**scope, "headers": headers}
    return {**scope, "headers": [*headers, credentials.header(header)], ACCOUNT: credentials.name}


def _is_preflight(scope: Message) -> bool:
    """Tell whether a browser asks what it may send, which it does without credentials."""
    return scope["method"] == "OPTIONS" and bool(values(scope["headers"], b"access-control-request-method"))


async def _challenge(send: Send) -> None:
    message = "sign in with an account of this server: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    await refuse(send, 401, CHALLENGE, code="UNAUTHENTICATED", message=message)


async def _try_later(send: Send, reason: str) -> None:
    message = f"the sign-in cannot be checked now, try again: {reason}"
    notice(message)
    await refuse(send, 503, code="TEMPORARILY_UNAVAILABLE", message=message)
