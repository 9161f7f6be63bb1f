"""Each mistake of a user's is one sentence and an exit code that is not 0."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from . import forks
from .servers import COMMAND, environment, free_port, run_serve

PREFIX = "MLYARD_MLFLOW_SERVER_"


def sentence(run: subprocess.CompletedProcess[str]) -> str:
    lines = run.stderr.splitlines()
    assert run.returncode == 1, run.stderr
    assert len(lines) == 1, run.stderr
    assert run.stdout == ""
    return lines[0]


def fork_serve(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a `serve` to its end, in a fork."""
    variables = environment(MLYARD_MLFLOW_SERVER_PORT=str(free_port()), **settings)
    return forks.run(forks.COMMAND, "serve", folder=folder, variables=variables)


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = sentence(run_serve(tmp_path, MLYARD_MLFLOW_SERVER_PORT=port))
    assert f"127.0.0.1:{port}" in said
    assert f"{PREFIX}PORT" in said


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    assert f"{PREFIX}HOST" in sentence(fork_serve(tmp_path, MLYARD_MLFLOW_SERVER_HOST="192.0.2.1"))


def test_a_wrong_value(tmp_path: Path) -> None:
    assert f"{PREFIX}WORKERS" in sentence(run_serve(tmp_path, MLYARD_MLFLOW_SERVER_WORKERS="many"))


def test_every_secret_of_the_sign_in_that_is_missing(tmp_path: Path) -> None:
    said = sentence(fork_serve(tmp_path, MLYARD_MLFLOW_SERVER_AUTH="basic"))
    for name in ("flask_secret_key", "admin_password", "pipeline_password", "api_password"):
        assert f"{PREFIX}{name.upper()}: " in said
        assert f"the file {name} in {PREFIX}SECRETS_DIR" in said


@pytest.mark.parametrize("options", ["--does-not-exist", "--root-path 'open"])
def test_options_that_uvicorn_does_not_take(options: str, tmp_path: Path) -> None:
    assert "MLFLOW_UVICORN_OPTS" in sentence(fork_serve(tmp_path, MLFLOW_UVICORN_OPTS=options))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "MLFLOW_ARTIFACTS_ONLY"])
def test_what_this_server_does_not_do(name: str, tmp_path: Path) -> None:
    assert f"{name} is not for this server" in sentence(fork_serve(tmp_path, **{name: "true"}))


@pytest.mark.parametrize(
    ("name", "value"), [("BACKEND_STORE_URI", "sqlite:///file/mlflow.db"), ("ARTIFACT_ROOT", "file/artifacts")]
)
def test_a_folder_that_cannot_be_made(name: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = sentence(fork_serve(tmp_path, **{f"{PREFIX}{name}": value}))
    assert f"{PREFIX}{name}" in said


def test_a_folder_that_belongs_to_someone_else(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away and run as another user")
    code = (
        "import encodings.idna, os, sys, sqlalchemy.dialects.sqlite\n"
        "import mlflow.exceptions, mlyard_mlflow_server.cli, mlyard_mlflow_server.start, uvicorn.main\n"
        "from mlyard_mlflow_server.__main__ import main\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.argv = ['mlyard-mlflow-server', 'serve']; main()"
    )
    said = sentence(
        subprocess.run(
            [COMMAND[0], "-c", code],
            cwd=tmp_path,
            env=environment(MLYARD_MLFLOW_SERVER_PORT=str(free_port())),
            capture_output=True,
            text=True,
            check=False,
        )
    )
    assert "Permission denied" in said


def test_a_folder_on_a_full_volume(small_volume: Path, tmp_path: Path) -> None:
    (small_volume / "ballast").write_bytes(bytes(12 * 1024 * 1024 - 8192))
    said = sentence(fork_serve(tmp_path, ARTIFACT_ROOT=str(small_volume / "artifacts")))
    assert "No space left on device): free space on its volume" in said
    assert "let this user write" not in said


def test_a_bucket_without_its_library(tmp_path: Path) -> None:
    assert "pip install boto3" in sentence(fork_serve(tmp_path, ARTIFACT_ROOT="s3://bucket/path"))


def test_an_mlflow_that_cannot_be_imported(tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "mlflow"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("import a_library_that_is_gone")
    said = sentence(run_serve(tmp_path, PYTHONPATH=str(broken.parent)))
    assert "a_library_that_is_gone" in said


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    uri = f"postgresql://user:s3cret@127.0.0.1:{free_port()}/mlflow"
    said = sentence(fork_serve(tmp_path, BACKEND_STORE_URI=uri))
    assert "refused" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("password", ["s3cret@more", "s3cret@more:x"])
def test_a_password_that_breaks_the_url(password: str, tmp_path: Path) -> None:
    said = sentence(fork_serve(tmp_path, BACKEND_STORE_URI=f"postgresql://user:{password}@127.0.0.1/mlflow"))
    assert "percent-encoded" in said
    assert "s3cret" not in said
    assert "more" not in said


def test_a_file_that_is_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database at all" * 100)
    said = sentence(fork_serve(tmp_path, BACKEND_STORE_URI="sqlite:///notes.txt"))
    assert "not a database" in said
    assert (tmp_path / "notes.txt").read_text() == "no database at all" * 100
