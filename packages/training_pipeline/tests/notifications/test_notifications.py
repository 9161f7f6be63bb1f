"""Events told to real receivers, which fail first."""

import base64
import io
import logging
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlyard_shared.errors import MlyardError, SettingsError
from mlyard_shared.registry import Move
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline import training
from mlyard_training_pipeline.notifications import outbox
from mlyard_training_pipeline.notifications.events import Event, moved, training_failed
from mlyard_training_pipeline.notifications.telling import tell
from mlyard_training_pipeline.notifications.webhook import signature
from mlyard_training_pipeline.orchestration.dags import tasks
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.promotions import promote, rollback
from mlyard_training_pipeline.settings import PREFIX, Settings
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.trainings import begin
from rich.console import Console

from .receivers import Receiver, mail_receiver, webhook_receiver

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PAUSES", (0.01, 0.02))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as found:
        yield found


def settings_for(folder: Path, **notify: object) -> Settings:
    return Settings.model_validate({"state": folder, **notify})


def webhook(receiver: Receiver) -> dict[str, object]:
    return {"notify_webhook_url": f"http://127.0.0.1:{receiver.port}/hook", "notify_webhook_secret": SECRET}


def failed(run: str = "run-1") -> Callable[[], list[Event]]:
    return lambda: [training_failed("houses", run, "the table is gone")]


def test_the_signature_is_that_of_the_specifications_example() -> None:
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_that_fails_first_is_told_once(tmp_path: Path, receiver: Receiver) -> None:
    receiver.failures = 2
    settings = settings_for(tmp_path, **webhook(receiver))
    for _ in range(3):  # a task that is tried again, another process that notices
        tell(settings, failed())
    (delivery,) = receiver.taken
    assert receiver.tries == 3
    assert delivery.content["type"] == "training.failed"
    assert delivery.content["data"]["model"] == "houses"
    headers = delivery.headers
    sent = int(headers["webhook-timestamp"])
    assert abs(sent - time.time()) < 60
    expected = signature(SECRET, event_id=headers["webhook-id"], timestamp=sent, body=delivery.body)
    assert headers["webhook-signature"] == expected


def test_a_receiver_that_is_down_hears_it_the_next_time(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.failures = 3
    settings = settings_for(tmp_path, **webhook(receiver))
    with caplog.at_level(logging.WARNING):
        tell(settings, failed("run-1"))
    assert "answered with status 500: it is tried again later: the training of houses failed" in caplog.text
    assert receiver.taken == []
    tell(settings, failed("run-2"))
    assert [delivery.content["data"]["run"] for delivery in receiver.taken] == ["run-1", "run-2"]


def test_one_receiver_down_does_not_keep_it_from_the_other(tmp_path: Path, receiver: Receiver) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        mail = {"notify_smtp_host": "127.0.0.1", "notify_smtp_port": closed.getsockname()[1], "notify_smtp_tls": "none"}
        settings = settings_for(
            tmp_path, **webhook(receiver), **mail, notify_from="stack@example.com", notify_to="ann@example.com"
        )
        for _ in range(2):
            tell(settings, failed())
    assert len(receiver.taken) == 1


def test_mail_is_sent_once_to_a_server_that_fails_first(tmp_path: Path) -> None:
    with mail_receiver() as receiver:
        receiver.failures = 1
        settings = settings_for(
            tmp_path,
            notify_smtp_host="127.0.0.1",
            notify_smtp_port=receiver.port,
            notify_smtp_tls="none",
            notify_from="mlyard <stack@example.com>",
            notify_to="ann@example.com, bob@example.com",
        )
        for _ in range(2):
            tell(settings, failed())
        (text,) = receiver.taken
        assert receiver.tries == 2
    message = message_from_string(text)
    assert message["Subject"] == "the training of houses failed: the table is gone"
    assert message["To"] == "ann@example.com, bob@example.com"
    assert message["Message-ID"].endswith("@example.com>")


@pytest.mark.parametrize(("password", "taken"), [("s3cret", 1), ("wrong", 0)])
def test_mail_goes_over_starttls_to_a_server_that_is_trusted_and_wants_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, password: str, taken: int
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, *named, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(certificate, key)
    with mail_receiver(trust, login=base64.b64encode(b"\0stack\0s3cret").decode()) as receiver:
        settings = settings_for(
            tmp_path / "state",
            notify_smtp_host="localhost",
            notify_smtp_port=receiver.port,
            notify_smtp_user="stack",
            notify_smtp_password=password,
            notify_from="stack@example.com",
            notify_to="ann@example.com",
        )
        tell(settings, failed("before"))
        assert "did not take it (SSLCertVerificationError)" in caplog.text
        assert receiver.taken == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        tell(settings, failed("after"))
        assert len(receiver.taken) == 2 * taken  # the first one is told now too
    assert ("did not take it (SMTPAuthenticationError)" in caplog.text) == (not taken)
    assert password not in caplog.text


def test_what_nobody_took_for_days_is_given_up(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.failures = 3
    settings = settings_for(tmp_path, **webhook(receiver))
    tell(settings, failed())
    monkeypatch.setattr(outbox, "LONGEST", timedelta(0))
    tell(settings, list)
    monkeypatch.undo()
    tell(settings, failed())
    assert receiver.taken == []


def test_without_a_receiver_nothing_is_looked_for_or_kept(tmp_path: Path) -> None:
    def find() -> list[Event]:
        raise AssertionError

    tell(settings_for(tmp_path / "state"), find)
    assert not (tmp_path / "state").exists()


def test_a_fault_of_telling_is_only_logged(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    tell(settings_for(tmp_path / "state", **webhook(receiver)), failed())
    assert "what happened could not be told" in caplog.text


def test_moves_of_long_ago_and_open_ones_are_not_told() -> None:
    now = datetime.now(UTC)
    move = Move(
        id="1",
        kind="promotion",
        state="finished",
        model="houses",
        from_version=None,
        to_version=1,
        previous_before=None,
        actor="ann",
        reason="why",
        gate_report=None,
        started_at=now,
    )
    others: list[dict[str, object]] = [
        {"started_at": now - timedelta(days=2)},
        {"state": "open"},
        {"state": "withdrawn"},
        {"to_version": None},
    ]
    assert len(moved([move, *(move.model_copy(update=changes) for changes in others)])) == 1


@pytest.mark.long
def test_each_event_of_a_models_life_is_told_once(
    context: Context,
    regression: Callable[..., ModelSpec],
    written: Callable[..., Path],
    tmp_path: Path,
    receiver: Receiver,
) -> None:
    receiver.failures = 1
    settings = context.settings.model_copy(
        update=settings_for(tmp_path, **webhook(receiver)).model_dump(
            include={"notify_webhook_url", "notify_webhook_secret"}
        )
    )
    context = replace(context, settings=settings)

    def train(**changes: object) -> None:
        file = written(tmp_path, regression(name="told", **changes))
        training.run(file, settings, progress=Progress(steps=9, console=Console(file=io.StringIO())))

    train()
    train()
    promote(settings, "told", 2, reason="by hand")
    promote(settings, "told", 2, reason="by hand")
    rollback(settings, "told", reason="too early")
    with pytest.raises(MlyardError):
        train(target="gone")
    context.tracking.open_training("told", "scheduled__lost", {})
    begin(context, "told", "scheduled__next")
    told = [(delivery.content["type"], delivery.content["data"].get("version")) for delivery in receiver.taken]
    assert told == [
        ("champion.promoted", 1),
        ("gate.held", 2),
        ("champion.promoted", 2),
        ("champion.rolled_back", 1),
        ("training.failed", None),
        ("training.failed", None),
    ]
    assert "gone" in receiver.taken[4].content["data"]["reason"]
    assert receiver.taken[5].content["data"]["run"] == "scheduled__lost"


def test_a_failed_run_of_airflows_is_told_once_also_where_it_failed_before_its_training_began(
    context: Context, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.failures = 1
    given = settings_for(tmp_path, **webhook(receiver))
    notify = given.model_dump(include={"notify_webhook_url", "notify_webhook_secret"})
    told_by = replace(context, settings=context.settings.model_copy(update=notify))
    monkeypatch.setattr(tasks, "_context", lambda: told_by)
    failed_run = {
        "dag": SimpleNamespace(dag_id="never"),
        "run_id": "manual__1",
        "ti": SimpleNamespace(task_id="extract"),
    }
    for _ in range(2):
        tasks.abandon(failed_run)
    (delivery,) = receiver.taken
    assert delivery.content["data"] == {
        "model": "never",
        "run": "manual__1",
        "reason": "its task extract failed, whose log says why",
        "text": "the training of never failed: its task extract failed, whose log says why",
    }


WRONG = {
    "no secret": ({"NOTIFY_WEBHOOK_URL": "http://x"}, "NOTIFY_WEBHOOK_SECRET: must be whsec_ followed by"),
    "a short secret": (
        {"NOTIFY_WEBHOOK_URL": "http://x", "NOTIFY_WEBHOOK_SECRET": "whsec_c2hvcnQ="},
        "NOTIFY_WEBHOOK_SECRET: must be whsec_ followed by",
    ),
    "no address": ({"NOTIFY_SMTP_HOST": "x", "NOTIFY_FROM": "a@b"}, "NOTIFY_TO: must be an address of mail"),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_told(given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    with pytest.raises(SettingsError, match=said) as refused:
        Settings.load()
    assert given.get("NOTIFY_WEBHOOK_SECRET", "whsec_none") not in str(refused.value)
