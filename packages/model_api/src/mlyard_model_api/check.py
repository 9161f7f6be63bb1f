"""Does the API answer? Only the standard library is imported here, as a container runs this every few seconds."""

import http.client
import json
import os
import sys

from mlyard_shared.errors import MlyardError

SECONDS = 5
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with: where such a server is reached from here


class Unhealthy(MlyardError):
    """The API does not answer, or is not ready."""


def check(host: str, port: int, *, ready: bool) -> str:
    """Ask the API whether it lives, or is ready; return a sentence.

    Raises:
        Unhealthy: it is not, and why.
    """
    address = EVERY_ADDRESS.get(host, host)
    where = f"{address}:{port}"
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    try:
        connection.request("GET", "/health/ready" if ready else "/health/live")
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unhealthy(
            f"no model API answers at {where} ({error or type(error).__name__}): start one, or set "
            "MLYARD_MODEL_API_HOST and MLYARD_MODEL_API_PORT to where it runs"
        ) from error
    finally:
        connection.close()
    try:
        document = json.loads(content)
        status, reasons = str(document["status"]), [str(reason) for reason in document["reasons"]]
    except (ValueError, KeyError, TypeError):
        raise Unhealthy(
            f"what answers at {where} is not a model API: set MLYARD_MODEL_API_PORT to the API's port"
        ) from None
    if response.status != 200:
        raise Unhealthy(f"the model API at {where} is {status}: {'; '.join(reasons)}")
    return f"{status} at {where}"


def main() -> None:
    """Ask the API of this environment whether it lives; exit with 0 if so, else with a sentence and 1."""
    host, port = os.environ.get("MLYARD_MODEL_API_HOST", "127.0.0.1"), os.environ.get("MLYARD_MODEL_API_PORT", "8000")
    if not port.isdecimal():
        sys.exit("mlyard-model-api: MLYARD_MODEL_API_PORT must be a number")
    try:
        print(check(host, int(port), ready=False))  # noqa: T201
    except Unhealthy as error:
        sys.exit(f"mlyard-model-api: {error}")
