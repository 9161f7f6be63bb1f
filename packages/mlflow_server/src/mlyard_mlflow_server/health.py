"""Does the server answer a real request by every name that it should be reached by?

As `address`, it imports the standard library only.
"""

import http.client
import os
import sys

from mlyard_shared.errors import MlyardError

from mlyard_mlflow_server.address import PREFIX, Address

REQUEST = "/api/2.0/mlflow/experiments/search?max_results=1"
SECONDS = 5


class Unhealthy(MlyardError):
    """The server does not answer, or not by every name."""


def report(*more: str) -> None:
    """Check the server that the environment describes, by its names and these, and say that all is well.

    Raises:
        Unhealthy: it is not.
    """
    address = Address.read(os.environ)
    names = address.names(*more)
    check(address, names)
    sys.stdout.write(f"healthy at {address.reached_at}:{address.port}, reached as {', '.join(names)}\n")


def check(address: Address, names: tuple[str, ...]) -> None:
    """Ask for one experiment by each name. MLflow checks no name on `/health`, so that page would hide a wrong one.

    Raises:
        Unhealthy: the first request that failed, and the setting to change.
    """
    at = f"{address.reached_at}:{address.port}"
    connection = http.client.HTTPConnection(address.reached_at, address.port, timeout=SECONDS)
    try:
        for name in names:
            connection.request("GET", REQUEST, headers={"Host": name})
            response = connection.getresponse()
            response.read()
            _judge(response.status, name=name, at=at)
    except (OSError, http.client.HTTPException) as error:
        raise Unhealthy(
            f"no MLflow server answers at {at} ({error or type(error).__name__}): start one, "
            f"or set {PREFIX}HOST and {PREFIX}PORT to where it runs"
        ) from error
    finally:
        connection.close()


def _judge(status: int, *, name: str, at: str) -> None:
    # 401: the name was accepted and MLflow's own sign-in, where it is on, wants an account.
    if status in (200, 401):
        return
    if status == 403:
        raise Unhealthy(
            f"the server at {at} refuses requests for the host {name!r} (403): "
            f"add it to {PREFIX}ALLOWED_HOSTS of the server and start it again"
        )
    if status == 404:
        raise Unhealthy(f"what answers at {at} is not an MLflow server (404): set {PREFIX}PORT to its port")
    raise Unhealthy(f"the server at {at} answers {status} to a search of its experiments: its log says why")
