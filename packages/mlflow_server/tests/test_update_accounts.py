"""What each start does to the accounts of the stack, without a server."""

from pathlib import Path

from .forks import run
from .servers import environment, sign_in

LET_IN = """
import os
from pydantic import SecretStr
from mlyard_mlflow_server.auth import load_auth, update_accounts
from mlyard_mlflow_server.database import SIGN_IN, migrated
from mlyard_mlflow_server.environment import server_environment
from mlyard_mlflow_server.settings import Settings

def settings(**passwords):
    return Settings.load().model_copy(
        update={f"{name}_password": SecretStr(value) for name, value in passwords.items()}
    )

old = settings(admin="the-first-of-admin", pipeline="the-first-of-pipeline", api="the-first-of-api")
new = settings(admin="the-next-of-admin", pipeline="the-next-of-pipeline", api="the-next-of-api")
os.environ.update(server_environment(old, os.environ))
store = load_auth(old).store
with migrated(old.backend_store_uri.get_secret_value(), [SIGN_IN]):
    update_accounts(old)
    store.update_user("pipeline", is_admin=True)
    store.update_user("admin", is_admin=False)
    update_accounts(new)
for name in ("admin", "pipeline", "api"):
    assert store.authenticate_user(name, f"the-next-of-{name}"), name
    assert not store.authenticate_user(name, f"the-first-of-{name}"), name
    assert store.get_user(name).is_admin == (name == "admin"), name
"""


def test_each_start_puts_passwords_and_rights_in_order(tmp_path: Path) -> None:
    settings = environment(BACKEND_STORE_URI=f"sqlite:///{tmp_path}/mlflow.db", **sign_in(tmp_path))
    done = run(LET_IN, folder=tmp_path, variables=settings)
    assert done.returncode == 0, done.stderr
