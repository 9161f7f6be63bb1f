"""The secrets of the stack in containers, as the initialiser leaves them in its volume."""

import os
import signal
import stat
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "compose/secrets/initialise.py"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to their readers")

LOGINS = ("mlflow_admin_password", "airflow_admin_password", "model_api_key")
RENEWABLE = (*LOGINS, "mlflow_pipeline_password", "mlflow_api_password")
INTERRUPTED = """
import os, runpy, signal, sys
name, left, program = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def interrupt(frame, event, argument):
    global left
    if event == "line":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.Signals[name])
    return interrupt if frame.f_code.co_filename == program else None
sys.settrace(interrupt)
sys.argv = [program, "make"]
runpy.run_path(program, run_name="__main__")
"""
"""`make` with a signal to itself before its line of that number: no clock meets 15 ms of writing for sure."""


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "MLYARD_SECRETS": str(root), "MLYARD_MLFLOW_SERVER_PORT": "5001"}
    command, pipe = [sys.executable, "-I", *arguments], subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def run(root: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    with start(root, str(PROGRAM), *arguments) as process:
        out, error = process.communicate(stdin, timeout=30)
    return subprocess.CompletedProcess(arguments, process.returncode, out, error)


def interrupted(root: Path, signal_name: str, line: int) -> subprocess.Popen[str]:
    return start(root, "-c", INTERRUPTED, signal_name, str(line), str(PROGRAM))


def content(root: Path) -> dict[str, str]:
    """Every finished file of the volume, the lock left out."""
    files = [file for file in root.rglob("*") if file.is_file() and not file.name.startswith(".")]
    return {str(file.relative_to(root)): file.read_text() for file in files}


def held(root: Path) -> dict[str, str]:
    """The name of the value that each reader's file holds; a file that holds no kept value has none and fails."""
    files = content(root)
    names = {files.pop(file): Path(file).name for file in list(files) if file.startswith(".values")}
    return {file: names[text.removesuffix("\n").rpartition(":")[2]] for file, text in files.items()}


def facts(root: Path) -> dict[str, tuple[int, int, int]]:
    """Owner, group and mode of every folder and finished file."""
    stats = {name: (root / name).stat() for name in [*content(root), *(f.name for f in root.iterdir() if f.is_dir())]}
    return {name: (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) for name, found in stats.items()}


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    done = run(root, "make")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return root


def test_each_reader_owns_its_files_and_may_only_read_them(made: Path) -> None:
    owners = {"mlflow": 50000, "airflow": 50000, "model-api": 50000, "mlflow-db": 999, "airflow-db": 999, ".values": 0}
    folders = {name: (owner, owner, 0o500 if owner else 0o700) for name, owner in owners.items()}
    files = {file: (owners[Path(file).parts[0]], owners[Path(file).parts[0]], 0o400) for file in content(made)}
    assert facts(made) == {**folders, **files}


def test_every_value_is_kept_once_and_read_by_someone(made: Path) -> None:
    values = {file: text for file, text in content(made).items() if file.startswith(".values")}
    assert set(held(made).values()) == {Path(file).name for file in values}
    assert len(set(values.values())) == len(values)
    assert min(map(len, values.values())) >= 43, "256 bits"


def test_two_readers_share_the_password_of_an_account_and_nothing_else(made: Path) -> None:
    readers: dict[str, set[str]] = {}
    for file, name in held(made).items():
        readers.setdefault(name, set()).add(Path(file).parts[0])
    assert {name: folders for name, folders in readers.items() if len(folders) > 1} == {
        "mlflow_pipeline_password": {"mlflow", "airflow"},
        "mlflow_api_password": {"mlflow", "model-api"},
        "mlflow_db_password": {"mlflow", "mlflow-db"},
        "airflow_db_password": {"airflow", "airflow-db"},
    }


def test_no_two_volumes_have_a_value_in_common(made: Path, tmp_path: Path) -> None:
    run(tmp_path, "make")
    assert not set(content(made).values()) & set(content(tmp_path).values())


def test_a_second_time_nothing_is_written(made: Path) -> None:
    before = {file: (made / file).stat().st_ctime_ns for file in content(made)}
    assert run(made, "make").returncode == 0
    assert {file: (made / file).stat().st_ctime_ns for file in content(made)} == before


def test_after_a_kill_at_any_line_the_next_start_completes_it_and_changes_nothing(made: Path, tmp_path: Path) -> None:
    finished = set()
    for line in count(1, 11):
        (root := tmp_path / str(line)).mkdir()
        with interrupted(root, "SIGKILL", line) as process:
            process.communicate(timeout=30)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        finished.add(len(before := content(root)))
        assert run(root, "make").returncode == 0
        assert before.items() <= content(root).items()
        assert held(root) == held(made)
        assert facts(root) == facts(made)
    assert finished == set(range(len(content(made)))), "it was killed in the midst of every file"


@pytest.mark.parametrize("line", [100, 300], ids=["amid the values", "amid the readers"])
def test_of_two_at_once_the_second_waits_and_they_agree(made: Path, tmp_path: Path, line: int) -> None:
    with interrupted(tmp_path, "SIGSTOP", line) as first:
        os.waitid(os.P_PID, first.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        finished = len(content(tmp_path))
        with start(tmp_path, str(PROGRAM), "make") as second:
            time.sleep(0.3)
            waits = second.poll() is None
            first.send_signal(signal.SIGCONT)
    assert (first.returncode, second.returncode, waits) == (0, 0, True)
    assert 0 < finished < len(content(made))
    assert held(tmp_path) == held(made)


def test_what_a_person_needs_to_log_in_is_shown(made: Path) -> None:
    lines = run(made, "show").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == [content(made)[f".values/{name}"] for name in LOGINS]
    assert "http://localhost:5001 " in lines[0]


@pytest.mark.parametrize("name", RENEWABLE)
def test_a_renewed_value_reaches_its_readers_and_nobody_else(made: Path, name: str) -> None:
    before = content(made)
    assert run(made, "renew", name).returncode == 0
    changed = {file for file, text in content(made).items() if text != before[file]}
    assert changed == {file for file, text in before.items() if text == before[f".values/{name}"]}


def test_no_other_value_can_be_renewed(made: Path) -> None:
    before = content(made)
    for name in set(held(made).values()) - set(RENEWABLE):
        assert run(made, "renew", name).returncode == 1
    assert content(made) == before


def test_a_value_from_elsewhere_is_taken(made: Path) -> None:
    assert run(made, "set", "mlflow_api_password", stdin="a-password-from-elsewhere\n").returncode == 0
    assert content(made)["model-api/registry_password"] == "a-password-from-elsewhere"


def test_a_connection_is_kept_for_the_pipeline_through_the_next_start(made: Path) -> None:
    url = "postgresql://reader:word@warehouse/sales"
    assert run(made, "connection", "warehouse", stdin=f"{url}\n").returncode == 0
    run(made, "make")
    assert content(made)["airflow/connections__warehouse"] == url


def test_a_secret_of_a_receiver_is_kept_for_the_pipeline_through_the_next_start(made: Path) -> None:
    assert run(made, "notify", "smtp_password", stdin="word\n").returncode == 0
    assert run(made, "make").returncode == 0
    assert content(made)["airflow/notify_smtp_password"] == "word"


def test_a_connection_is_replaced_however_its_name_is_spelled(made: Path) -> None:
    for name, url in (("my-db", "sqlite:////a"), ("my_db", "sqlite:////b")):
        assert run(made, "connection", name, stdin=url).returncode == 0
    kept = {name: text for name, text in content(made).items() if "connections__" in name}
    assert kept == {"airflow/connections__my_db": "sqlite:////b"}


MISTAKES = {
    "a database's password": ("renew mlflow_db_password", "", "cannot be renewed here"),
    "an unknown name": ("renew nothing", "", "give one of"),
    "a short value": ("set model_api_key", "short", "16 or more"),
    "a path for a connection": ("connection ../x", "a://b", "is not the name of a connection"),
    "capitals in a connection": ("connection Sales", "a://b", "is not the name of a connection"),
    "no secret of a receiver": ("notify url", "x", "is no secret of a notification"),
    "nothing for a receiver": ("notify smtp_password", "", "does not hold the smtp_password"),
    "no URL": ("connection warehouse", "", "does not hold a database URL"),
    "no command": ("", "", "give one of"),
}


@pytest.mark.parametrize(("words", "stdin", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_and_changes_nothing(made: Path, words: str, stdin: str, sentence: str) -> None:
    before = content(made)
    done = run(made, *words.split(), stdin=stdin)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert content(made) == before
