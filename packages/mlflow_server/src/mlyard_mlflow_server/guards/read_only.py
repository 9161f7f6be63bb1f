"""The reading account reads: what would write is refused before MLflow sees it.

MLflow lets each account that may read create experiments and models as well, and its routes grow with each version. The
method of a request decides here, so that a new route is closed to the reader until it is a GET.
"""

from mlyard_mlflow_server.auth import READER
from mlyard_mlflow_server.guards.asgi import SAFE, Asgi, Message, Receive, Send, refuse
from mlyard_mlflow_server.guards.sign_in import ACCOUNT


def read_only_for_the_reader(app: Asgi) -> Asgi:
    """Return the application with writes of the reading account refused."""

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE and scope.get(ACCOUNT) == READER:
            message = f"the account '{READER}' may only read: use the account 'pipeline' or one of your own to write"
            return await refuse(send, 403, code="PERMISSION_DENIED", message=message)
        return await app(scope, receive, send)

    return guarded
