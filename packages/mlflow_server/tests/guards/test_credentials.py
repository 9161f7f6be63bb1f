import base64

import pytest
from mlyard_mlflow_server.guards.credentials import Credentials, Unreadable


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def read(*values: str) -> Credentials | None:
    headers = [(b"Authorization", value.encode("latin-1")) for value in values]
    return Credentials.read([(b"Host", b"localhost"), *headers], b"authorization")


def test_no_header_is_nobody() -> None:
    assert read() is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(basic("api:a-password"), ("api", "a-password"), id="plain"),
        pytest.param(basic("api:a-password").replace("Basic", "bAsIc  "), ("api", "a-password"), id="case-and-space"),
        pytest.param(basic("api:a:b:c"), ("api", "a:b:c"), id="colons-in-the-password"),
        pytest.param(basic("jürgen:größer"), ("jürgen", "größer"), id="utf-8"),
        pytest.param(basic("joe miller@example.com:pass word"), ("joe miller@example.com", "pass word"), id="spaces"),
    ],
)
def test_what_is_plain_is_read_and_written_in_one_form(value: str, expected: tuple[str, str]) -> None:
    found = read(value)
    assert found == expected
    assert read(found.header(b"authorization")[1].decode()) == expected


UNREADABLE = {
    "nul-in-the-name": basic("ad\0min:a-password"),
    "line-in-the-name": basic("admin\n:a-password"),
    "nul-alone": basic("\0:a-password"),
    "nobody": basic(":a-password"),
    "no-password": basic("admin:"),
    "no-colon": basic("admin"),
    "over-long": basic("a" * 256 + ":a-password"),
    "not-utf-8": basic(b"adm\xffin:a-password"),
    "surrogate": basic(b"\xed\xa0\x80:a-password"),
    "bearer": "Bearer " + basic("admin:a-password").removeprefix("Basic "),
    "digest": 'Digest username="admin", realm="mlflow", nonce="x", uri="/", response="y"',
    "negotiate": "Negotiate YII=",
    "no-scheme": basic("admin:a-password").removeprefix("Basic "),
    "nothing": "",
    "scheme-alone": "Basic",
    "broken-base64": "Basic ???",
    "cut-base64": basic("admin:a-password")[:-3],
    "no-padding": basic("admin:a-password1").rstrip("="),
    "more-after": basic("admin:a-password") + " more",
    "a-list": basic("admin:a-password") + ", " + basic("api:a-password"),
    "tab": basic("admin:a-password").replace(" ", "\t"),
    "no-break-space": basic("admin:a-password").replace(" ", "\xa0"),
    "space-before": "\x85" + basic("admin:a-password"),
    "base64-of-urls": "Basic YWRtaW46__--",
}


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE)
def test_what_could_be_read_in_two_ways_is_not_read(value: str) -> None:
    with pytest.raises(Unreadable):
        read(value)


def test_several_headers_are_not_read_even_if_they_are_the_same() -> None:
    with pytest.raises(Unreadable):
        read(basic("api:a-password"), basic("api:a-password"))
