"""The stack's secrets: made at random on the first start, and one folder for each reader with only its own.

    initialise.py make                what is missing; every `up` runs it, and nothing that exists changes
    initialise.py show                what a person needs to log in
    initialise.py renew NAME          another value for a login; the services that read it take it when they start
    initialise.py set NAME            the same, with the value on standard input: for a service on another machine
    initialise.py connection NAME     keep the database URL on standard input as the connection NAME of model specs
    initialise.py notify NAME         keep the secret on standard input with which the pipeline tells what happened

The volume holds `.values/`, one file for each value, for root alone, and from it a folder for each reader: owned by the
reader's user, its files of mode 0400. What there is stands in `inventory.toml`. It runs isolated (`python3 -I`) and
without a network, so it imports the standard library only.
"""

import base64
import fcntl
import os
import re
import secrets
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("MLYARD_SECRETS", "/secrets"))
MODELS = Path("/models")
NOTIFY = ("webhook_secret", "smtp_password")
INVENTORY = Path(__file__).resolve().parents[1] / "inventory.toml"


class Refused(Exception):
    """What was asked for cannot be done."""


class Stack:
    """What the inventory says of the stack's secrets."""

    def __init__(self, inventory: dict[str, Any]) -> None:
        self.services: dict[str, dict[str, Any]] = inventory["services"]
        self.secrets: dict[str, dict[str, Any]] = inventory["secrets"]
        self.readers: dict[str, dict[str, Any]] = inventory["readers"]
        self.renewable = [name for name, secret in self.secrets.items() if secret.get("renewable")]
        self.logins = {name: secret["login"] for name, secret in self.secrets.items() if "login" in secret}

    def value(self, name: str) -> str:
        """A random value of the form that the inventory gives."""
        made = base64.urlsafe_b64encode(secrets.token_bytes(self.secrets[name]["bytes"])).decode()
        return made if self.secrets[name].get("padded") else made.rstrip("=")

    def address(self, service: str) -> str:
        """Where people reach a service."""
        port = self.services[service]["port"]
        host = os.environ.get("MLYARD_BIND", "127.0.0.1")
        named = "localhost" if host in ("127.0.0.1", "0.0.0.0", "[::]") else host  # noqa: S104 - compared with
        return f"http://{named}:{os.environ.get(port['variable'], port['default'])}"


def write(file: Path, content: str, *, owner: int = 0) -> None:
    """Write a file of mode 0400 whole or not at all, also after a power cut."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(descriptor)
    os.chown(draft, owner, owner)
    draft.replace(file)


def check_models() -> None:
    """See that the models' folder is one: the engine has refused a path where nothing is, and takes a file."""
    if MODELS.exists() and not MODELS.is_dir():
        raise Refused(
            f"MLYARD_MODELS is not a folder: {os.environ.get('MLYARD_MODELS')}; name the one of your model specs"
        )


def values(stack: Stack) -> dict[str, str]:
    """Every value; those that are missing are made and kept."""
    kept = ROOT / ".values"
    kept.mkdir(mode=0o700, exist_ok=True)
    for name in stack.secrets:
        if not (kept / name).exists():
            write(kept / name, stack.value(name))
    return {name: (kept / name).read_text() for name in stack.secrets}


def make(stack: Stack) -> None:
    """Bring every reader's folder in line with the values."""
    for draft in ROOT.glob("*/.*"):
        draft.unlink()  # of a run that was killed; this one is alone
    known = values(stack)
    for name, reader in stack.readers.items():
        folder, owner = ROOT / name, reader["user"]
        folder.mkdir(mode=0o500, exist_ok=True)
        for file, template in reader["files"].items():
            content = template.format(**known)
            if not (folder / file).exists() or (folder / file).read_text() != content:
                write(folder / file, content, owner=owner)
        os.chown(folder, owner, owner)
        os.utime(folder)  # when the stack was started last


def show(stack: Stack) -> None:
    """Print what a person needs to log in."""
    known = values(stack)
    for name, login in stack.logins.items():
        title = stack.services[login["service"]]["title"]
        print(f"{title:<10} {stack.address(login['service'])}  {login['with']} {known[name]}")


def renew(stack: Stack, name: str, value: str | None = None) -> None:
    """Give a login another value, by default a random one."""
    if name not in stack.renewable:
        raise Refused(f"{name!r} cannot be renewed here: give one of {', '.join(stack.renewable)}")
    if value is not None and not re.fullmatch(r"[!-~]{16,}", value):
        raise Refused(f"the value for {name} must be 16 or more characters of ASCII without spaces")
    values(stack)
    write(ROOT / ".values" / name, value or stack.value(name))
    make(stack)
    print(f"{name} is new: `docker compose up --detach --force-recreate` lets the services take it")


def connection(stack: Stack, name: str) -> None:
    """Keep a database URL where the pipeline alone reads it."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", name):
        raise Refused(f"{name!r} is not the name of a connection: use lower-case letters, digits, - and _")
    url = sys.stdin.read().strip()
    if "://" not in url:
        raise Refused(
            "standard input does not hold a database URL: give one such as postgresql://user:password@host/db"
        )
    make(stack)
    # The pipeline takes my-db and my_db for one connection: a new URL replaces the former, however it was spelled.
    spelled = re.sub("[-_]+", "_", name).strip("_")
    write(ROOT / "airflow" / f"connections__{spelled}", url, owner=stack.readers["airflow"]["user"])
    print(f"model specs can name the connection {name} from their next run on")


def notify(stack: Stack, name: str) -> None:
    """Keep a secret of a receiver of notifications where the pipeline alone reads it."""
    if name not in NOTIFY:
        raise Refused(f"{name!r} is no secret of a notification: give one of {', '.join(NOTIFY)}")
    value = sys.stdin.read().strip()
    if not value:
        raise Refused(f"standard input does not hold the {name}")
    make(stack)
    write(ROOT / "airflow" / f"notify_{name}", value, owner=stack.readers["airflow"]["user"])
    print("the pipeline takes it from its next task on")


def main(arguments: list[str]) -> None:
    """Run one of the commands; one at a time, also where two stacks start at once."""
    with (ROOT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(arguments)


def run(arguments: list[str]) -> None:
    stack = Stack(tomllib.loads(INVENTORY.read_text()))
    match arguments:
        case ["make"]:
            check_models()
            make(stack)
        case ["show"]:
            show(stack)
        case ["renew", name]:
            renew(stack, name)
        case ["set", name]:
            renew(stack, name, sys.stdin.read().strip())
        case ["connection", name]:
            connection(stack, name)
        case ["notify", name]:
            notify(stack, name)
        case _:
            raise Refused("give one of: make, show, renew NAME, set NAME, connection NAME, notify NAME")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Refused, OSError) as error:
        sys.exit(f"secrets: {error}")
