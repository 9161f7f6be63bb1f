"""Real receivers on this machine: of webhooks, and of mail by SMTP."""

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Delivery(NamedTuple):
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """What was taken, and how often it fails before it takes the next."""

    def __init__(self) -> None:
        self.failures = 0
        self.tries = 0
        self.taken: list[Any] = []
        self.port = 0

    def fails(self) -> bool:
        self.tries += 1
        self.failures -= 1
        return self.failures >= 0


@contextmanager
def served(server: Any, receiver: Receiver) -> Iterator[Receiver]:
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            failed = receiver.fails()
            if not failed:
                receiver.taken.append(Delivery({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(500 if failed else 204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler), receiver):
        yield receiver


@contextmanager
def mail_receiver(trust: ssl.SSLContext | None = None, login: str | None = None) -> Iterator[Receiver]:
    """As much of RFC 5321 as one message takes, and of RFC 3207 (STARTTLS) and 4954 (login) if they are given."""
    receiver = Receiver()

    class Handler(socketserver.StreamRequestHandler):
        is_open = login is None

        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                match line.split()[0].upper():
                    case "EHLO":
                        is_plain = trust is not None and not isinstance(self.connection, ssl.SSLSocket)
                        self.say(f"250-here\r\n250 {'STARTTLS' if is_plain else 'AUTH PLAIN'}")
                    case "STARTTLS" if trust is not None:
                        self.say("220 go on")
                        try:
                            self.connection = trust.wrap_socket(self.connection, server_side=True)
                        except ssl.SSLError:  # the client does not trust the certificate
                            return None
                        self.setup_streams()
                    case "AUTH":
                        self.is_open = isinstance(self.connection, ssl.SSLSocket) and line.split()[2] == login
                        self.say("235 welcome" if self.is_open else "535 wrong")
                    case "MAIL" if not self.is_open:
                        self.say("530 log in first")
                    case "MAIL" if receiver.fails():
                        self.say("451 try again later")
                    case "DATA":
                        self.say("354 go on")
                        receiver.taken.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                        self.say("250 taken")
                    case "QUIT":
                        return self.say("221 bye")
                    case _:
                        self.say("250 ok")
            return None

        def setup_streams(self) -> None:
            for former in (self.rfile, self.wfile):
                former.close()
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler), receiver):
        yield receiver
