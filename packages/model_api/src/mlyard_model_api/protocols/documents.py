"""From bytes to a JSON document, without what Python's parser lets pass in silence."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mlyard_model_api.errors import BrokenBody


class Repeating(dict[str, Any]):
    """An object in which keys came more than once; `repeated` has each of them once."""

    repeated: tuple[str, ...] = ()


def parse(body: bytes) -> Any:
    """Return the document: objects with repeated keys as `Repeating`, NaN and 1e999 as floats, for the reader to place.

    Raises:
        BrokenBody: it is not UTF-8, not JSON, or nested too deep.
    """
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise BrokenBody(f"the body is not UTF-8 text: byte {error.start} is wrong") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, character {error.colno}"
        raise BrokenBody(f"the body is not JSON: {error.msg.rstrip(': ')} ({where})") from None
    except RecursionError:
        raise BrokenBody("the body is nested too deep") from None
    except ValueError:
        # Python refuses to read integers of more than 4300 digits.
        raise BrokenBody("the body holds a number with too many digits") from None


def renamed(found: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """An object with other keys; those that become one are repeated, as are those that were."""
    result = _object([(names.get(key, key), value) for key, value in found.items()])
    if not isinstance(found, Repeating):
        return result
    repeating = Repeating(result)
    before = [names.get(key, key) for key in found.repeated]
    repeating.repeated = tuple(dict.fromkeys([*before, *getattr(result, "repeated", ())]))
    return repeating


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    counts = Counter(name for name, _ in pairs)
    repeating = Repeating(result)
    repeating.repeated = tuple(name for name, count in counts.items() if count > 1)
    return repeating
