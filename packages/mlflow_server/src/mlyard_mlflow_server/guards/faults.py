"""What storage answers when it cannot: named, with the way out, in MLflow's form and one line of the log.

MLflow answers 500, or SQL, with a traceback in the log. SQLAlchemy and Flask tell of a fault where it happens; MLflow
goes on as with any other, and the request's answer is replaced here, where it leaves.
"""

from contextvars import ContextVar
from typing import Any

from mlyard_mlflow_server.guards.asgi import Asgi, Message, Receive, Send, refuse
from mlyard_mlflow_server.guards.notices import notice
from mlyard_mlflow_server.storage import Fault, Storage

_met: ContextVar[list[Fault] | None] = ContextVar("_met", default=None)
"""The faults that the request of this context has met; the threads that work for it see the same list."""


def named_faults(app: Asgi, storage: Storage) -> Asgi:
    """Return the application with its answers to faults of storage replaced."""

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        met: list[Fault] = []
        answer = _Answer(send, met)
        client = _Client(receive)
        token = _met.set(met)
        try:
            await app(scope, client.receive, answer.send)
        except Exception as error:  # raised again, but for what is told in the answer or has nobody to be told
            fault = storage.files_fault(error) if isinstance(error, OSError) else None
            if fault is not None and not answer.is_sent:
                met.append(fault)
            elif not client.is_gone:
                raise
        finally:
            _met.reset(token)
            await answer.finish()

    return guarded


class _Client:
    """What a client sends, and whether it has hung up."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_gone = False

    async def receive(self) -> Message:
        message = await self._receive()
        self.is_gone = self.is_gone or message["type"] == "http.disconnect"
        return message


class _Answer:
    """An answer on its way: an error is held back until it is known whether storage was its cause."""

    def __init__(self, send: Send, met: list[Fault]) -> None:
        self._send = send
        self._met = met
        self._held: list[Message] = []
        self.is_sent = False

    async def send(self, message: Message) -> None:
        if self._held or (message["type"] == "http.response.start" and message["status"] >= 400):
            self._held.append(message)
        else:
            self.is_sent = True
            await self._send(message)

    async def finish(self) -> None:
        if not self._met or self.is_sent:
            for message in self._held:
                await self._send(message)
            return
        fault = self._met[-1]
        notice(fault.message)
        await refuse(self._send, fault.status, code=fault.code, message=fault.message)


def name_faults_of_flask(flask_app: Any, storage: Storage) -> None:
    """Let Flask answer errors of the file system without a traceback."""

    def handle(error: OSError) -> tuple[str, int]:
        fault = storage.files_fault(error)
        if fault is None:
            raise error
        _meet(fault)
        return "", fault.status

    flask_app.register_error_handler(OSError, handle)


def name_faults_of_the_database(storage: Storage) -> None:
    """Let every SQLAlchemy engine of this process raise what has neither SQL nor values of it in its text.

    It is an error of SQLAlchemy's still, since MLflow takes its own kind for "there is no such row" in places.
    """
    from sqlalchemy import Engine, event
    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.exc import SQLAlchemyError

    def name(context: ExceptionContext) -> None:
        if context.is_pre_ping:
            return  # a connection from before the database's restart, which is made anew
        # Without a connection the error is that none can be had.
        away = context.is_disconnect or context.connection is None
        if fault := storage.database_fault(context.original_exception, away=away):
            _meet(fault)
            raise SQLAlchemyError(fault.message)

    event.listen(Engine, "handle_error", name)


def _meet(fault: Fault) -> None:
    met = _met.get()
    if met is not None:
        met.append(fault)
