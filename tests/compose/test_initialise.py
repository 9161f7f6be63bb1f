"""The secrets of the stack in containers, as the initialiser leaves them in its volume."""

import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "compose/secrets/initialise.py"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to their readers")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-I", str(PROGRAM), *arguments]


def run(root: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MLYARD_SECRETS": str(root)}
    return subprocess.run(
        command(*arguments), env=environment, input=stdin, capture_output=True, text=True, check=False
    )


def content(root: Path) -> dict[str, str]:
    """Every finished file of the volume, the lock left out."""
    files = [file for file in root.rglob("*") if file.is_file() and not file.name.startswith(".")]
    return {str(file.relative_to(root)): file.read_text() for file in files}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    done = run(tmp_path, "make")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return tmp_path


def test_each_reader_owns_its_files_and_may_only_read_them(made: Path) -> None:
    owners = {"mlflow": 50000, "airflow": 50000, "model-api": 50000, "mlflow-db": 999, "airflow-db": 999, ".values": 0}
    assert {folder.name for folder in made.iterdir() if folder.is_dir()} == set(owners)
    for name, owner in owners.items():
        folder = made / name
        assert folder.stat().st_uid == owner
        assert not stat.S_IMODE(folder.stat().st_mode) & 0o077, "nobody else may look"
        for file in folder.iterdir():
            assert (file.stat().st_uid, stat.S_IMODE(file.stat().st_mode)) == (owner, 0o400)


def test_two_readers_share_the_password_of_an_account_and_nothing_else(made: Path) -> None:
    values = {name: value for name, value in content(made).items() if not name.startswith(".values")}
    assert values["mlflow/pipeline_password"] == values["airflow/registry_password"]
    assert values["mlflow/api_password"] == values["model-api/registry_password"]
    assert values["mlflow-db/password"] in values["mlflow/pgpass"]
    assert len(set(values.values())) == len(values) - 2


def test_no_two_volumes_have_a_value_in_common(made: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    run(other, "make")
    assert not set(content(made).values()) & set(content(other).values())


def test_a_second_time_nothing_changes(made: Path) -> None:
    before = content(made)
    assert run(made, "make").returncode == 0
    assert content(made) == before


def test_after_a_kill_at_any_moment_the_next_start_completes_it_and_changes_nothing(tmp_path: Path) -> None:
    moments = random.Random(1)
    for number in range(12):
        root = tmp_path / str(number)
        root.mkdir()
        process = subprocess.Popen(command("make"), env={**os.environ, "MLYARD_SECRETS": str(root)})
        time.sleep(moments.uniform(0.02, 0.07))
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = content(root)
        assert run(root, "make").returncode == 0
        assert before.items() <= content(root).items()
        assert run(root, "show").stdout.count("http://") == 3


def test_two_at_once_agree(tmp_path: Path) -> None:
    environment = {**os.environ, "MLYARD_SECRETS": str(tmp_path)}
    both = [subprocess.Popen(command("make"), env=environment) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    before = content(tmp_path)
    run(tmp_path, "make")
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["mlflow_admin_password", "mlflow_pipeline_password", "model_api_key"])
def test_a_renewed_value_reaches_its_readers_and_nobody_else(made: Path, name: str) -> None:
    before = content(made)
    old = before[f".values/{name}"]
    assert run(made, "renew", name).returncode == 0
    after = content(made)
    assert {file for file in before if before[file] != after[file]} == {f for f, text in before.items() if text == old}


def test_a_value_from_elsewhere_is_taken(made: Path) -> None:
    assert run(made, "set", "mlflow_api_password", stdin="a-password-from-elsewhere\n").returncode == 0
    assert content(made)["model-api/registry_password"] == "a-password-from-elsewhere"


def test_a_connection_is_kept_for_the_pipeline_through_the_next_start(made: Path) -> None:
    url = "postgresql://reader:word@warehouse/sales"
    assert run(made, "connection", "warehouse", stdin=f"{url}\n").returncode == 0
    run(made, "make")
    assert content(made)["airflow/connections__warehouse"] == url


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        pytest.param(["renew", "mlflow_db_password"], "", "cannot be renewed here", id="a database's password"),
        pytest.param(["renew", "nothing"], "", "give one of", id="an unknown name"),
        pytest.param(["set", "model_api_key"], "short", "16 or more", id="a short value"),
        pytest.param(["connection", "../x"], "a://b", "no name of a connection", id="a path for a name"),
        pytest.param(["connection", "warehouse"], "", "no database URL", id="no URL"),
        pytest.param([], "", "give one of", id="no command"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    made: Path, arguments: list[str], stdin: str, sentence: str
) -> None:
    before = content(made)
    done = run(made, *arguments, stdin=stdin)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert content(made) == before
