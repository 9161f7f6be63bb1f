"""Telling what happened, which never fails or undoes what is told."""

import logging
from collections.abc import Callable, Iterable
from functools import partial

from mlyard_training_pipeline.notifications import mail, webhook
from mlyard_training_pipeline.notifications.events import Event
from mlyard_training_pipeline.notifications.outbox import Outbox, Senders
from mlyard_training_pipeline.settings import Settings


def tell(settings: Settings, find: Callable[[], Iterable[Event]]) -> None:
    """Tell events once each, and those that a receiver has not taken before. Without a receiver nothing is done.

    `find` is only called where there is somebody to tell.
    """
    receivers = _receivers(settings)
    if not receivers:
        return
    try:
        outbox = Outbox(settings.state.absolute() / "notifications")
        for event in find():
            outbox.put(event, receivers)
        outbox.deliver(receivers)
    # A full disk, a registry that has just gone, a fault here: whatever it is, the training or the move is done.
    except Exception:
        logging.getLogger(__name__).exception("what happened could not be told")


def _receivers(settings: Settings) -> Senders:
    found: dict[str, Callable[[Event], None]] = {}
    if settings.notify_webhook_url:
        secret = settings.secret("notify_webhook_secret")
        found["webhook"] = partial(webhook.send, url=settings.notify_webhook_url, secret=secret)
    if settings.notify_smtp_host:
        password = settings.notify_smtp_password.get_secret_value() if settings.notify_smtp_password else ""
        server = mail.Server(
            settings.notify_smtp_host,
            settings.notify_smtp_port,
            settings.notify_smtp_tls,
            settings.notify_smtp_user,
            password,
        )
        found["mail"] = partial(mail.send, server=server, sender=settings.notify_from, to=settings.notify_to)
    return found
