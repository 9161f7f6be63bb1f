"""A signed webhook as the specification Standard Webhooks 1.0 has it (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

from mlyard_training_pipeline.notifications.events import Event
from mlyard_training_pipeline.notifications.receiver import TIMEOUT, NotSent


def signature(secret: str, *, event_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header webhook-signature (section "Signature scheme": symmetric, HMAC-SHA256)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([event_id.encode(), str(timestamp).encode(), body])
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def send(event: Event, *, url: str, secret: str) -> None:
    """Send an event.

    Raises:
        NotSent: there was no answer, or one other than success.
    """
    import httpx

    content = {"type": event.type, "timestamp": event.timestamp.isoformat(), "data": {**event.data, "text": event.text}}
    body = json.dumps(content, ensure_ascii=False).encode()
    now = int(datetime.now(UTC).timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": event.id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secret, event_id=event.id, timestamp=now, body=body),
    }
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotSent(f"no answer from the webhook's receiver ({type(error).__name__})") from error
    if not answer.is_success:
        raise NotSent(f"the webhook's receiver answered with status {answer.status_code}")
