"""What a body is said to be, and what an answer may be: Content-Type and Accept, as RFC 9110 has them."""

from collections.abc import Iterable, Sequence

from mlyard_model_api.errors import MediaTypeRefused, NotAcceptable

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"

_UTF8 = {"utf-8", "utf8", "us-ascii"}


def content_type(values: Sequence[bytes], taken: Sequence[str]) -> str:
    """Return what the body is, of the types that are taken.

    Raises:
        MediaTypeRefused: it is something else, is said twice or not at all, or is text that is not UTF-8.
    """
    media_type, parameters = _parts(values[0]) if len(values) == 1 else ("", {})
    is_text = media_type in (JSON, CSV)
    right = media_type in taken and (not is_text or parameters.get("charset", "utf-8") in _UTF8)
    if not right or (media_type == CSV and parameters.get("header", "present") != "present"):
        raise MediaTypeRefused(
            f"send the body as Content-Type: {_either(taken)}{', in UTF-8' if JSON in taken else ''}"
        )
    return media_type


def accepted(values: Sequence[bytes], offered: Sequence[str]) -> str:
    """Return the type that the client likes best of those offered, and of equals the first.

    Raises:
        NotAcceptable: it takes none of them.
    """
    if not values:
        return offered[0]
    ranges = [_parts(value) for value in b",".join(values).split(b",") if value.strip()]
    weights = {kind: _weight(kind, ranges) for kind in offered}
    best = max(offered, key=lambda kind: weights[kind])
    if ranges and weights[best] <= 0:
        raise NotAcceptable(f"the answer can be {_either(offered)}: send Accept with one of them, or no Accept")
    return best


def _weight(kind: str, ranges: Iterable[tuple[str, dict[str, str]]]) -> float:
    """How much a client likes a type: by the most specific range that holds it."""
    ranked = ("*/*", f"{kind.partition('/')[0]}/*", kind)
    found = (0, 0.0)
    for media_range, parameters in ranges:
        if media_range in ranked:
            found = max(found, (ranked.index(media_range), _quality(parameters.get("q", "1"))))
    return found[1]


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0) if text[:1] in "01" and len(text) <= 5 else 0.0
    except ValueError:
        return 0.0


def _parts(value: bytes) -> tuple[str, dict[str, str]]:
    media_type, *parameters = value.decode("latin-1").lower().split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return media_type.strip(), {name.strip(): text.strip().strip('"') for name, _, text in pairs}


def _either(kinds: Sequence[str]) -> str:
    return f"{', '.join(kinds[:-1])} or {kinds[-1]}" if len(kinds) > 1 else kinds[0]
