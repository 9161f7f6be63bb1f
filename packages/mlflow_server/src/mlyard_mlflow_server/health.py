"""Does the server work, and by every name that it should be reached by?

As `address`, it imports the standard library only.
"""

import http.client
import os
import sys
import time

from mlyard_shared.errors import MlyardError

from mlyard_mlflow_server.address import PREFIX, Address

READY = "/health/ready"
BY_NAME = "/api/3.0/mlflow/server-info"
"""MLflow checks the name of a request here, and wants no account; on its `/health` a wrong name would not be found."""
SECONDS = 4
"""Less than a container's health check may take: what is wrong has to be said before that is over."""


class Unhealthy(MlyardError):
    """The server does not work, or is not reached by every name."""


def report(*more: str) -> None:
    """Check the server that the environment describes, by its names and these, and say that all is well.

    Raises:
        Unhealthy: it is not.
    """
    address = Address.read(os.environ)
    names = address.names(*more)
    check(address, names, prefix=os.environ.get("MLFLOW_STATIC_PREFIX", "").rstrip("/"))
    sys.stdout.write(f"healthy at {address.reached_at}:{address.port}, reached as {', '.join(names)}\n")


def check(address: Address, names: tuple[str, ...], *, prefix: str = "") -> None:
    """Ask whether the server is ready, then for something by each name; `prefix` is MLflow's static one.

    Raises:
        Unhealthy: the first request that failed, and the way out.
    """
    at = f"{address.reached_at}:{address.port}"
    connection = http.client.HTTPConnection(address.reached_at, address.port)
    deadline = time.monotonic() + SECONDS
    try:
        status, body = _get(connection, READY, host=f"localhost:{address.port}", until=deadline)
        _judge_readiness(status, body, at=at)
        for name in names:
            status, _ = _get(connection, prefix + BY_NAME, host=name, until=deadline)
            _judge_name(status, name=name, at=at)
    except TimeoutError as error:
        raise Unhealthy(f"the server at {at} did not answer within {SECONDS} s: its log may say why") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unhealthy(
            f"no MLflow server answers at {at} ({error or type(error).__name__}): start one, "
            f"or set {PREFIX}HOST and {PREFIX}PORT to where it runs"
        ) from error
    finally:
        connection.close()


def _get(connection: http.client.HTTPConnection, path: str, *, host: str, until: float) -> tuple[int, bytes]:
    connection.timeout = max(0.001, until - time.monotonic())
    if connection.sock is not None:
        connection.sock.settimeout(connection.timeout)
    connection.request("GET", path, headers={"Host": host})
    response = connection.getresponse()
    return response.status, response.read()


def _judge_readiness(status: int, body: bytes, *, at: str) -> None:
    if status == 200:
        return
    if status == 503:
        raise Unhealthy(f"the server at {at} is not ready: {_message(body)}")
    raise Unhealthy(
        f"what answers at {at} is not this package's MLflow server ({status} from {READY}): "
        f"set {PREFIX}PORT to its port, or start it again where it is an older one"
    )


def _judge_name(status: int, *, name: str, at: str) -> None:
    if status == 200:
        return
    if status == 403:
        raise Unhealthy(
            f"the server at {at} refuses requests for the host {name!r} (403): "
            f"add it to {PREFIX}ALLOWED_HOSTS of the server and start it again"
        )
    raise Unhealthy(f"the server at {at} answers {status} to {BY_NAME} as {name!r}: its log may say why")


def _message(body: bytes) -> str:
    import json  # not needed where all is well

    try:
        return str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        return "it does not say why"
