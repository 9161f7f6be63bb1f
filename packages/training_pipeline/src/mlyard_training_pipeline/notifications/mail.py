"""A mail by SMTP."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal, NamedTuple

from mlyard_training_pipeline.notifications.events import Event
from mlyard_training_pipeline.notifications.receiver import TIMEOUT, NotSent

Tls = Literal["starttls", "implicit", "none"]
LONGEST_SUBJECT = 120


class Server(NamedTuple):
    """Where mail goes in; without a user nobody logs in."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = ""


def send(event: Event, *, server: Server, sender: str, to: Sequence[str]) -> None:
    """Send an event; its Message-ID is the event's own, by which readers tell a second copy.

    Raises:
        NotSent: the server did not take it.
    """
    try:
        with _connected(server) as connection:
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(_message(event, sender, to))
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(
            f"the mail server {server.host}:{server.port} did not take it ({type(error).__name__})"
        ) from error


def _connected(server: Server) -> smtplib.SMTP:
    trust = ssl.create_default_context()
    if server.tls == "implicit":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=trust)
    connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    if server.tls == "starttls":
        connection.starttls(context=trust)
    return connection


def _message(event: Event, sender: str, to: Sequence[str]) -> EmailMessage:
    subject = " ".join(event.text.split())
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = subject if len(subject) <= LONGEST_SUBJECT else f"{subject[: LONGEST_SUBJECT - 1]}…"
    message["Message-ID"] = f"<{event.id}@{sender.rpartition('@')[2].strip('> ') or 'mlyard'}>"
    message["Date"] = format_datetime(event.timestamp)
    facts = "\n".join(f"{name}: {value}" for name, value in event.data.items())
    message.set_content(f"{event.text}\n\n{facts}\n")
    return message
