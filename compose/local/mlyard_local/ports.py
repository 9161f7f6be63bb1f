"""Whether the services can listen where they should."""

import errno
import socket

from mlyard_local import processes
from mlyard_local.errors import PortTaken


def check(port: int, *, service: str, variable: str) -> None:
    """Bind the port as the service will.

    Raises:
        PortTaken: the system refuses; the message says who holds the port, where the system tells.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            if error.errno == errno.EADDRINUSE:
                holder = processes.holder_of_port(port)
                cause = f"held by {holder}" if holder else "another program holds it"
            raise PortTaken(port, service=service, variable=variable, cause=cause) from error
