"""A way to a server that can be closed and opened again, where a test needs no more of the server than to be away."""

import contextlib
import socket
import threading


class Passage:
    """A port that leads to the port of a server; while it is closed, connections are refused and open ones are cut."""

    def __init__(self, server: int) -> None:
        """Open the passage, on a port that is free."""
        self.port = 0
        self._server = server
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self.open()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Let connections through, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        self._accepting = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Refuse connections, and cut those that are open."""
        _cut(self._listener)
        self._accepting.join()
        with self._lock:
            for end in self._ends:
                _cut(end)
            self._ends.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                with self._lock:
                    self._ends += [caller, server]
                for source, target in ((caller, server), (server, caller)):
                    threading.Thread(target=_carry, args=(source, target), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
