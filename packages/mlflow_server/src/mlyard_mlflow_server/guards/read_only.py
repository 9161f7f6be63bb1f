"""Who reads only reads: what would write is refused before MLflow sees it.

MLflow lets each account that may read create experiments and models as well, and its routes grow with each version. The
method of a request decides here, so that a new route is closed to readers until it is a GET. A person who reads does so
in MLflow's pages, which search by POST.
"""

from collections.abc import Callable

from mlyard_mlflow_server.auth import READER, AccountsUnavailable
from mlyard_mlflow_server.guards.asgi import SAFE, Asgi, Message, Receive, Send, refuse
from mlyard_mlflow_server.guards.sign_in import ACCOUNT
from mlyard_mlflow_server.guards.threads import in_daemon

READING = ("/search", "/search-datasets", "/graphql", "/users/update-password")
"""How the paths end by which pages search, and a person changes their own password."""


def read_only_for_readers(app: Asgi, is_reader: Callable[[str], bool]) -> Asgi:
    """Return the application with writes of the reading service and of people who read refused.

    `is_reader` may block; it is asked about a person who writes.
    """

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        account = scope.get(ACCOUNT)
        if scope["type"] != "http" or scope["method"] in SAFE or account is None:
            return await app(scope, receive, send)
        if account != READER:
            try:
                if scope["path"].endswith(READING) or not await in_daemon(lambda: is_reader(account)):
                    return await app(scope, receive, send)
            except AccountsUnavailable as error:
                message = f"the account's role cannot be checked now, try again: {error}"
                return await refuse(send, 503, code="TEMPORARILY_UNAVAILABLE", message=message)
        message = f"the account '{account}' may only read: use the account 'pipeline' or one of your own to write"
        return await refuse(send, 403, code="PERMISSION_DENIED", message=message)

    return guarded
