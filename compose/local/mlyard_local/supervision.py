"""supervisor: its configuration and a client of its XML-RPC interface."""

import http.client
import json
import socket
import xmlrpc.client
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from mlyard_local import processes
from mlyard_local.errors import SupervisorSilent
from mlyard_local.services import Probe, Service, script
from mlyard_local.state import StateFolder

SHUTTING_DOWN = 6
"""The fault of every call while supervisor stops."""

_HEAD = """\
; Written by `hatch run up`. Paths are relative to this folder, so that no name of a folder has to be escaped.
[supervisord]
nodaemon = true
silent = true
identifier = mlyard
minfds = 256
pidfile = supervisord.pid
logfile = ../logs/supervisord.log
logfile_maxbytes = 10MB
logfile_backups = 2

[unix_http_server]
file = %(ENV_MLYARD_SOCKET)s
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{name}]
command = /bin/sh {name}.sh
autostart = false
autorestart = {restart}
startsecs = {startsecs}
startretries = 30
stopasgroup = true
killasgroup = true
stopwaitsecs = {stopwaitsecs}
redirect_stderr = true
stdout_logfile = ../logs/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""


def configuration(services: Sequence[Service]) -> str:
    """Return the configuration file. `up` starts the programs itself, in order; a crashed one is started again.

    The pause before a restart grows by a second each time, up to `startretries` of them. All are in one group, which
    stops as one: groups stop one after another.
    """
    programs = [
        _PROGRAM.format(
            name=service.name,
            restart="false" if service.one_shot else "true",
            startsecs=0 if service.one_shot else 3,
            stopwaitsecs=processes.STOP_SECONDS,
        )
        for service in services
    ]
    group = f"\n[group:stack]\nprograms = {','.join(service.name for service in services)}\n"
    return "".join([_HEAD, *programs, group])


def write(folder: StateFolder, services: Sequence[Service]) -> None:
    """Write what the supervisor needs: the configuration last, as a whole, since the keeper waits for it."""
    for service in services:
        (folder.run / f"{service.name}.sh").write_text(script(service))
    addresses = {service.name: service.address for service in services if service.address}
    (folder.run / "addresses.json").write_text(json.dumps(addresses))
    probes = {service.name: asdict(probe) for service in services if (probe := service.ready or service.up)}
    (folder.run / "probes.json").write_text(json.dumps(probes))
    folder.place_socket()
    draft = folder.configuration.with_suffix(".new")
    draft.write_text(configuration(services))
    draft.replace(folder.configuration)


def addresses(folder: StateFolder) -> dict[str, str]:
    """Return the addresses of the services as they were written, by name."""
    content: dict[str, str] = json.loads((folder.run / "addresses.json").read_text())
    return content


def probes(folder: StateFolder) -> dict[str, Probe]:
    """Return what to ask the services for, to know whether they are ready, by name."""
    content: dict[str, dict[str, str]] = json.loads((folder.run / "probes.json").read_text())
    return {name: Probe(**probe) for name, probe in content.items()}


@dataclass(frozen=True)
class Process:
    """What supervisor says of one program; `state` is one of supervisor's words, such as RUNNING or BACKOFF."""

    name: str
    state: str
    pid: int
    started: float
    exit_code: int

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self.state in ("STARTING", "RUNNING", "STOPPING")


class Supervisor:
    """The running supervisor. Every method raises SupervisorSilent when it does not answer."""

    def __init__(self, proxy: xmlrpc.client.ServerProxy) -> None:
        self._proxy = proxy

    def processes(self) -> dict[str, Process]:
        """Return all programs by name."""
        answer: Any = _ask(self._proxy.supervisor.getAllProcessInfo)
        return {
            info["name"]: Process(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                started=info["start"],
                exit_code=info["exitstatus"],
            )
            for info in answer
        }

    def start(self, name: str) -> None:
        """Start one program and return at once. What keeps it from starting stands in `processes`."""
        with suppress(xmlrpc.client.Fault):
            _ask(self._proxy.supervisor.startProcess, f"stack:{name}", False)


def _ask(method: Callable[..., Any], *arguments: object) -> Any:
    try:
        return method(*arguments)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != SHUTTING_DOWN:
            raise
        raise SupervisorSilent("it is stopping") from fault
    except (OSError, xmlrpc.client.ProtocolError, http.client.HTTPException) as error:
        raise SupervisorSilent(str(error)) from error


@contextmanager
def connect(folder: StateFolder) -> Iterator[Supervisor]:
    """Talk to the supervisor of a folder; nothing is sent before the first call."""
    transport = _UnixTransport(str(folder.socket))
    with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
        yield Supervisor(proxy)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._opened: _UnixConnection | None = None

    def make_connection(self, _host: object) -> http.client.HTTPConnection:
        self._opened = self._opened or _UnixConnection(self._path)
        return self._opened

    def close(self) -> None:
        if self._opened:
            self._opened.close()
        self._opened = None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
