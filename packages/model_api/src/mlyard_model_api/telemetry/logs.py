"""The log: lines of text for people, or a JSON object a line for whatever collects them."""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from mlyard_model_api.telemetry.observation import Observation, request_id

LogFormat = Literal["text", "json"]
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger("mlyard_model_api.requests")


class JsonLines(logging.Formatter):
    """Writes each record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line: what every line has, then what `extra` gave it as `facts`."""
        facts: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (identity := request_id.get()) is not None:
            facts["request_id"] = identity
        facts |= getattr(record, "facts", {})
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps(facts, ensure_ascii=False, default=str)


def configure(level: str, form: LogFormat) -> None:
    """Send everything from this level on to the standard error, in this form."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=level, handlers=[handler])


def log_request(observation: Observation) -> None:
    """Write one line about an answered request; it has the route's template, and neither the address nor the data."""
    facts: dict[str, object] = {name: value for name, value in observation._asdict().items() if value not in ("", None)}
    facts["milliseconds"] = round(observation.seconds * 1000, 3)
    del facts["seconds"]
    told = " ".join(f"{name}={value}" for name, value in facts.items())
    log.info("request %s", told, extra={"facts": facts})
