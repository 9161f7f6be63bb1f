"""What answers at Airflow's address and is something else, or is cut short: a real socket says it."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from mlyard_training_pipeline.orchestration.client.airflow import Airflow, Task
from mlyard_training_pipeline.orchestration.client.dags import DagRun, Dags
from mlyard_training_pipeline.orchestration.errors import AirflowUnavailable, NotInAirflow


def http(status: str, body: bytes, kind: str = "application/json", *, more: str = "", missing: int = 0) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body) + missing}\r\n{more}"
    return f"{head}Connection: close\r\n\r\n".encode() + body


TOKEN = http("201 Created", b'{"access_token": "a-token"}')
PAGE = http("200 OK", b"<html>welcome</html>", "text/html")
SIGN_IN = {
    "a page": PAGE,
    "a list": http("201 Created", b"[]"),
    "null": http("201 Created", b"null"),
    "no token": http("201 Created", b"{}"),
    "not UTF-8": http("201 Created", b"\xff\xfe"),
    "to a page of sign-in": http("302 Found", b"", more="Location: /login\r\n"),
}
ANSWERS = {
    "a page": PAGE,
    "a list": http("200 OK", b"[]"),
    "a text": http("200 OK", b'"dags"'),
    "no DAGs": http("200 OK", b"{}"),
    "DAGs of another form": http("200 OK", b'{"dags": [{"dag_id": 1}], "total_entries": 1}'),
    "not UTF-8": http("200 OK", b"\xff\xfe"),
}


@contextmanager
def saying(answers: Sequence[bytes]) -> Iterator[str]:
    """Serve these answers, one to each connection, whatever is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def refused(answers: Sequence[bytes]) -> str:
    with saying(answers) as url, pytest.raises(AirflowUnavailable) as caught:
        Dags(Airflow(url, user="admin", password="a-password")).all()
    assert f"no answer from Airflow at {url} (" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("answer", SIGN_IN.values(), ids=SIGN_IN)
def test_what_signs_nobody_in_is_not_airflow(answer: bytes) -> None:
    assert "what answers there is not Airflow's API" in refused([answer])


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_what_tells_no_dags_is_not_airflow(answer: bytes) -> None:
    assert "what answers there is not Airflow's API" in refused([TOKEN, answer])


@pytest.mark.parametrize("before", [[], [TOKEN]], ids=["sign-in", "question"])
@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", http("200 OK", b"{", missing=9)], ids=["none", "ssh", "cut"]
)
def test_an_answer_that_ends_early_is_none(before: list[bytes], answer: bytes) -> None:
    assert "set MLYARD_TRAINING_PIPELINE_AIRFLOW_URL" in refused([*before, answer])


def test_an_address_that_is_none_is_told() -> None:
    for url in ("http://127.0.0.1:99999", "http://a host:80", "http://127.0.0.1:port"):
        with pytest.raises(AirflowUnavailable, match="no answer from Airflow at "):
            Dags(Airflow(url, user="admin", password="a-password")).all()


def test_only_tasks_that_came_to_an_attempt_have_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = Airflow("http://127.0.0.1:9", user="admin", password="a-password")
    tasks = tuple(Task(name, -1, "", "success", tried, None, None) for name, tried in (("a", 2), ("b", 1), ("c", 0)))
    monkeypatch.setattr(airflow, "tasks", lambda _dag, _run: tasks)
    dags, run = Dags(airflow), DagRun("houses", "a-run", "success", "manual", None, None)
    assert [task.id for task in dags.attempted(run, None, attempt=1)] == ["a", "b"]
    assert [task.id for task in dags.attempted(run, None, attempt=2)] == ["a"]
    assert dags.attempted(run, "c", attempt=1) == ()
    with pytest.raises(NotInAirflow, match="run a-run of houses has no attempt 2 at b: the last one is 1"):
        dags.attempted(run, "b", attempt=2)
