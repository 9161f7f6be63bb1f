import pytest
from mlyard_model_api.errors import MediaTypeRefused, NotAcceptable
from mlyard_model_api.protocols.media_types import ARROW, CSV, JSON, PARQUET, accepted, content_type

ALL = (JSON, CSV, PARQUET, ARROW)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"application/json", JSON),
        (b'Application/JSON; charset="UTF-8"', JSON),
        (b"application/json;charset=utf8;", JSON),
        (b"text/csv; header=present; charset=us-ascii", CSV),
        (b"application/vnd.apache.parquet", PARQUET),
        (b"application/vnd.apache.arrow.stream", ARROW),
    ],
)
def test_a_body_is_what_it_is_said_to_be(value: bytes, expected: str) -> None:
    assert content_type([value], ALL) == expected


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b""],
        [b"text/plain"],
        [b"application/json", b"application/json"],
        [b"application/json, text/csv"],
        [b"application/json; charset=latin-1"],
        [b"text/csv; charset=utf-16"],
        [b"text/csv; header=absent"],
        [b"application/vnd.apache.arrow.file"],
        [b"\xff"],
    ],
)
def test_what_is_said_to_be_something_else_is_refused(values: list[bytes]) -> None:
    with pytest.raises(MediaTypeRefused, match="Content-Type: application/json, text/csv"):
        content_type(values, ALL)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], JSON),
        ([b""], JSON),
        ([b"*/*"], JSON),
        ([b"application/*"], JSON),
        ([b"application/json, text/plain, */*"], JSON),
        ([ARROW.encode()], ARROW),
        ([b"application/JSON;q=0.5", ARROW.encode()], ARROW),
        ([b"*/*;q=0.1, application/vnd.apache.arrow.stream"], ARROW),
        ([b"application/json;q=0, */*"], ARROW),
        ([b"text/html, application/vnd.apache.arrow.stream;q=0.1"], ARROW),
        ([b"application/json;q=0.2, application/*;q=0.9"], ARROW),
    ],
)
def test_an_answer_has_the_form_that_the_client_likes_best(values: list[bytes], expected: str) -> None:
    assert accepted(values, (JSON, ARROW)) == expected


@pytest.mark.parametrize(
    "value",
    [b"text/html", b"application/json;q=0", b"*/*;q=0", b"text/*", b"application/json;q=x", b"application/json;q=2"],
)
def test_a_client_that_takes_no_form_is_refused(value: bytes) -> None:
    with pytest.raises(NotAcceptable, match="the answer can be application/json: send"):
        accepted([value], (JSON,))
