import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from mlyard_model_api.telemetry import logs
from mlyard_model_api.telemetry.observation import Observation, request_id


@contextmanager
def answering(identity: str) -> Iterator[None]:
    token = request_id.set(identity)
    try:
        yield
    finally:
        request_id.reset(token)


def line(message: str, *arguments: object, **more: object) -> str:
    """What a record becomes."""
    record = logging.getLogger("mlyard_model_api.x").makeRecord(
        "mlyard_model_api.x",
        logging.ERROR,
        "file",
        1,
        message,
        arguments,
        None,
        **more,  # type: ignore[arg-type]
    )
    return logs.JsonLines().format(record)


def test_a_line_is_an_object_with_the_facts_of_the_record() -> None:
    facts = json.loads(line("%s is refused", "prices"))
    assert (facts["level"], facts["logger"], facts["message"]) == ("ERROR", "mlyard_model_api.x", "prices is refused")
    assert facts["time"].endswith("+00:00")
    assert "request_id" not in facts


def test_lines_of_one_request_have_its_id() -> None:
    with answering("abc"):
        assert json.loads(line("a request failed"))["request_id"] == "abc"


def test_a_traceback_stays_in_its_line() -> None:
    try:
        int("of two\nlines")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "file", 1, "it failed", (), sys.exc_info())
    text = logs.JsonLines().format(record)
    assert "\n" not in text
    assert "ValueError: invalid literal" in json.loads(text)["exception"]


def test_a_request_is_told_without_what_it_sent(caplog: pytest.LogCaptureFixture) -> None:
    seen = Observation("abc", "POST", "/models/{name}/predict", "prices", 3, 200, 0.0012345)
    with caplog.at_level(logging.INFO):
        logs.log_request(seen)
        logs.log_request(Observation("abd", "GET", "other", "", None, 404, 0.5))
    record, other = caplog.records
    assert record.getMessage() == (
        "request request_id=abc method=POST route=/models/{name}/predict model=prices version=3 status=200 "
        "milliseconds=1.234"
    )
    assert other.getMessage() == "request request_id=abd method=GET route=other status=404 milliseconds=500.0"
    facts = json.loads(logs.JsonLines().format(record))
    assert (facts["status"], facts["milliseconds"], facts["model"]) == (200, 1.234, "prices")


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_goes_to_the_standard_error(form: str) -> None:
    program = (
        "import logging; from mlyard_model_api.telemetry import logs; "
        f"logs.configure('WARNING', {form!r}); logging.getLogger('a').info('no'); logging.getLogger('a').warning('yes')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    [text] = ended.stderr.splitlines()
    assert ended.stdout == ""
    assert text.startswith("{") == (form == "json")
    assert "yes" in text
