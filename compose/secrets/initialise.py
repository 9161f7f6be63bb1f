"""The stack's secrets: made at random on the first start, and one folder for each reader with only its own.

    initialise.py make                what is missing; every `up` runs it, and nothing that exists changes
    initialise.py show                what a person needs to log in
    initialise.py renew NAME          another value for a login; the services that read it take it when they start
    initialise.py set NAME            the same, with the value on standard input: for a service on another machine
    initialise.py connection NAME     keep the database URL on standard input as the connection NAME of model specs

The volume holds `.values/`, one file for each value, for root alone, and from it a folder for each reader: owned by the
reader's user, its files of mode 0400. It runs isolated (`python3 -I`) and without a network, so it imports the standard
library only.
"""

import base64
import fcntl
import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(os.environ.get("MLYARD_SECRETS", "/secrets"))
SERVICE = 50000
"""The user of every image of ours."""
POSTGRES = 999
"""The user of the official PostgreSQL image."""


def token() -> str:
    """256 random bits, safe in URLs, configuration files and shells."""
    return secrets.token_urlsafe(32)


def signing_key() -> str:
    """Airflow signs its tokens with SHA-512, which wants 64 bytes."""
    return secrets.token_urlsafe(64)


def fernet_key() -> str:
    """32 random bytes in URL-safe base64 with its padding, as Fernet takes them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


MAKERS: dict[str, Callable[[], str]] = {
    "mlflow_admin_password": token,
    "mlflow_pipeline_password": token,
    "mlflow_api_password": token,
    "mlflow_flask_secret_key": token,
    "mlflow_db_password": token,
    "airflow_admin_password": token,
    "airflow_jwt_secret": signing_key,
    "airflow_secret_key": token,
    "airflow_fernet_key": fernet_key,
    "airflow_db_password": token,
    "model_api_key": token,
}
"""Every value and how it is made."""

READERS: dict[str, tuple[int, dict[str, str]]] = {
    "mlflow": (
        SERVICE,
        {
            "pgpass": "mlflow-db:5432:*:mlflow:{mlflow_db_password}\n",
            "flask_secret_key": "{mlflow_flask_secret_key}",
            "admin_password": "{mlflow_admin_password}",
            "pipeline_password": "{mlflow_pipeline_password}",
            "api_password": "{mlflow_api_password}",
        },
    ),
    "mlflow-db": (POSTGRES, {"password": "{mlflow_db_password}"}),
    "airflow": (
        SERVICE,
        {
            "pgpass": "airflow-db:5432:*:airflow:{airflow_db_password}\n",
            "airflow_password": "{airflow_admin_password}",
            "airflow_jwt_secret": "{airflow_jwt_secret}",
            "airflow_secret_key": "{airflow_secret_key}",
            "airflow_fernet_key": "{airflow_fernet_key}",
            "registry_password": "{mlflow_pipeline_password}",
        },
    ),
    "airflow-db": (POSTGRES, {"password": "{airflow_db_password}"}),
    "model-api": (SERVICE, {"api_key": "{model_api_key}", "registry_password": "{mlflow_api_password}"}),
}
"""Each reader's user, and its files with what stands in them."""

LOGINS = {
    "mlflow_admin_password": "MLflow     http://localhost:{mlflow}  user admin, password",
    "airflow_admin_password": "Airflow    http://localhost:{airflow}  user admin, password",
    "model_api_key": "model API  http://localhost:{api}  Authorization: Bearer",
}
RENEWABLE = (*LOGINS, "mlflow_pipeline_password", "mlflow_api_password")
"""Not the databases' passwords, which stand in the databases too, nor what Airflow's own data are encrypted with."""


class Refused(Exception):
    """What was asked for cannot be done."""


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


def values() -> dict[str, str]:
    """Every value; those that are missing are made and kept."""
    kept = ROOT / ".values"
    kept.mkdir(mode=0o700, exist_ok=True)
    for name, make in MAKERS.items():
        if not (kept / name).exists():
            write(kept / name, make())
    return {name: (kept / name).read_text() for name in MAKERS}


def make() -> None:
    """Bring every reader's folder in line with the values."""
    for draft in ROOT.glob("*/.*"):
        draft.unlink()  # of a run that was killed; this one is alone
    known = values()
    for reader, (owner, files) in READERS.items():
        folder = ROOT / reader
        folder.mkdir(mode=0o500, exist_ok=True)
        for name, template in files.items():
            content = template.format(**known)
            if not (folder / name).exists() or (folder / name).read_text() != content:
                write(folder / name, content, owner=owner)
        os.chown(folder, owner, owner)


def show() -> None:
    """Print what a person needs to log in."""
    known = values()
    ports = {name: os.environ.get(f"{name.upper()}_PORT", "") for name in ("mlflow", "airflow", "api")}
    for name, text in LOGINS.items():
        print(text.format(**ports), known[name])


def renew(name: str, value: str | None = None) -> None:
    """Give a login another value, by default a random one."""
    if name not in RENEWABLE:
        raise Refused(f"{name!r} cannot be renewed here: give one of {', '.join(RENEWABLE)}")
    if value is not None and not re.fullmatch(r"[!-~]{16,}", value):
        raise Refused(f"the value for {name} must be 16 or more characters of ASCII without spaces")
    values()
    write(ROOT / ".values" / name, value or MAKERS[name]())
    make()
    print(f"{name} is new; `docker compose restart` lets the services take it")


def connection(name: str) -> None:
    """Keep a database URL where the pipeline alone reads it."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", name):
        raise Refused(f"{name!r} is not the name of a connection: use lower-case letters, digits, - and _")
    url = sys.stdin.read().strip()
    if "://" not in url:
        raise Refused(
            "standard input does not hold a database URL: give one such as postgresql://user:password@host/db"
        )
    make()
    # The pipeline takes my-db and my_db for one connection: a new URL replaces the former, however it was spelled.
    spelled = re.sub("[-_]+", "_", name).strip("_")
    write(ROOT / "airflow" / f"connections__{spelled}", url, owner=SERVICE)
    print(f"model specs can name the connection {name} from their next run on")


def main(arguments: list[str]) -> None:
    """Run one of the commands; one at a time, also where two stacks start at once."""
    with (ROOT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(arguments)


def run(arguments: list[str]) -> None:
    match arguments:
        case ["make"]:
            make()
        case ["show"]:
            show()
        case ["renew", name]:
            renew(name)
        case ["set", name]:
            renew(name, sys.stdin.read().strip())
        case ["connection", name]:
            connection(name)
        case _:
            raise Refused("give one of: make, show, renew NAME, set NAME, connection NAME")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Refused, OSError) as error:
        sys.exit(f"secrets: {error}")
