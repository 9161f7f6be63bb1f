"""How two written forms of a contract differ, key by key."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MAPPINGS = {"properties", "$defs", "schemas", "paths", "responses", "content", "headers", "parameters"}
"""What maps names to things: one more of them breaks nobody."""
_LISTS_OF_CHOICES = {"enum", "anyOf", "oneOf"}
_STRUCTURE = _MAPPINGS | {"components", "items", "additionalProperties"}


@dataclass(frozen=True)
class Difference:
    """A change at a key: an addition, or one that breaks who reads or writes by the earlier form."""

    field: str
    what: str
    is_addition: bool = False

    def __str__(self) -> str:
        """As a sentence says it."""
        return f"{self.field} {self.what}"


def differences(before: Any, now: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Each difference, where it lies deepest."""
    if before == now:
        return
    if isinstance(before, dict) and isinstance(now, dict):
        if "required" in before.keys() ^ now.keys():
            before, now = {"required": [], **before}, {"required": [], **now}
        for name in sorted(before.keys() | now.keys()):
            inner = (*path, name)
            if name not in now:
                yield Difference(_field(inner), "is taken away")
            elif name not in before:
                # A table's default has each of its keys, and so gains the ones that the table does.
                is_addition = bool(path) and (path[-1] in _MAPPINGS or path[-1] == "default")
                yield Difference(_field(inner), "is new", is_addition=is_addition)
            else:
                yield from differences(before[name], now[name], inner)
    elif isinstance(before, list) and isinstance(now, list):
        yield from _of_lists(before, now, path)
    else:
        yield Difference(_field(path), f"was {_shown(before)} and is {_shown(now)}")


def _of_lists(before: list[Any], now: list[Any], path: tuple[str, ...]) -> Iterator[Difference]:
    kind = path[-1] if path else ""
    field = _field(path[:-1])
    gone, new = [one for one in before if one not in now], [one for one in now if one not in before]
    if kind == "required":
        yield from (
            Difference(_field((*path[:-1], one)), "need not be given any more", is_addition=True) for one in gone
        )
        yield from (Difference(_field((*path[:-1], one)), "has to be given") for one in new)
        return
    yield from (Difference(field, f"is no longer {_shown(one)} in {kind}") for one in gone)
    yield from (
        Difference(field, f"may be {_shown(one)} in {kind}", is_addition=kind in _LISTS_OF_CHOICES) for one in new
    )
    if not gone and not new:
        yield Difference(field, f"has {kind} in another order")


def _field(path: tuple[str, ...]) -> str:
    """The place as a reader of the code knows it: `Gate.minimum`."""
    return ".".join(part for part in path if part not in _STRUCTURE) or "the contract"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"
