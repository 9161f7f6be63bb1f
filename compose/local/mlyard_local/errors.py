"""What can go wrong around the stack, each as one sentence with the way out.

LocalError
├── SettingsError        a variable has a wrong value
├── StateError           the state folder cannot be used
│   └── StateFull        its disk is full
├── AlreadyRunning       another `up` holds the state folder
├── NotRunning           there is no stack to look at
├── UnknownService       no service has this name
├── PortTaken            another program listens where a service should
├── EnvironmentFailed    Hatch could not make a service's environment
├── ServiceFailed        a service does not start
├── TrainingFailed       `ensure` ended with an error
├── SupervisorLost       the supervisor or its keeper ended without being asked to
└── SupervisorSilent     the supervisor does not answer
"""

import errno
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk, or what an account may take of it, is used up."""


class LocalError(Exception):
    """Root of every error that the four commands show."""


class SettingsError(LocalError):
    """A variable has a wrong value."""


class StateError(LocalError):
    """The state folder cannot be used."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(f"{path} cannot be used: {cause}; name a folder you can write to in MLYARD_STATE")

    @classmethod
    def of(cls, path: Path, error: OSError) -> "StateError":
        """Return the error that fits what the system said."""
        return StateFull(path) if error.errno in FULL else cls(path, error.strerror or str(error))


class StateFull(StateError):
    """Its disk is full; nobody's permissions are at fault."""

    def __init__(self, path: Path) -> None:
        LocalError.__init__(
            self,
            f"nothing can be written into {path}: its disk is full; free space there, or name a folder on another disk"
            " in MLYARD_STATE, and start again with `hatch run up`",
        )


class AlreadyRunning(LocalError):
    """Another `up` holds the state folder."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"the stack in {path} is already up ({holder}); stop it with `hatch run down`")


class NotRunning(LocalError):
    """There is no stack to look at."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the stack in {path} is not up; start it with `hatch run up`")


class UnknownService(LocalError):
    """No service has this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no log of {name!r}; there are logs of {', '.join(known)}")


class PortTaken(LocalError):
    """Another program listens where a service should."""

    def __init__(self, port: int, *, service: str, variable: str, cause: str) -> None:
        super().__init__(
            f"{service} cannot listen on port {port} of 127.0.0.1 ({cause}); set {variable} to a free port"
        )


class EnvironmentFailed(LocalError):
    """Hatch could not make a service's environment."""

    def __init__(self, name: str, *, words: str, log: Path) -> None:
        super().__init__(f"the environment {name} cannot be made: {words} (log: {log})")


class ServiceFailed(LocalError):
    """A service does not start."""

    def __init__(self, name: str, *, fact: str, words: str, log: Path) -> None:
        super().__init__(f"{name} {fact}: {words or 'it wrote nothing'} (log: {log})")


class TrainingFailed(LocalError):
    """`ensure` ended with an error, and has said so itself."""

    def __init__(self, code: int) -> None:
        super().__init__(
            f"the training ended with exit code {code}; everything so far is kept, so remove the cause and try again"
            " with `hatch run up`"
        )


class SupervisorLost(LocalError):
    """The supervisor or its keeper ended without being asked to."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(
            f"the {name} was killed, so every service was stopped; start again with `hatch run up` (log: {log})"
        )


class SupervisorSilent(LocalError):
    """The supervisor does not answer."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the supervisor does not answer ({cause}); stop what is left with `hatch run down`")
