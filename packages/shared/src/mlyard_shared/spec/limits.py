"""How large a model spec may be.

Checked before each parser, since one bad file among many must not cost the memory of the process that reads them all.
"""

import re
from collections.abc import Iterable
from math import prod
from typing import Any

MOST_BYTES = 256 * 1024
"""Several times what a spec takes that names each of 2 000 columns."""

MOST_VALUES = 20_000
"""Keys and list items together."""

DEEPEST = 20
"""Levels of tables, lists and dotted keys."""

MOST_CANDIDATES = 64
"""Each is a task of its own."""

MOST_SETTINGS = 10_000
"""Combinations in the grid of one candidate; each is fitted once a fold."""

_TEXT = re.compile(
    r"""\#[^\n]*+
    | \"{3} (?: [^"\\] | \\. | \"{1,2}(?!") )*+ (?:\"{3,5})?+
    | '{3} (?: [^'] | '{1,2}(?!') )*+ (?:'{3,5})?+
    | \" (?: [^"\\\n] | \\[^\n] )*+ \"?+
    | ' [^'\n]*+ '?+""",
    re.DOTALL | re.VERBOSE,
)
"""A comment or a text in quotes, as TOML 1.0 has them; each match goes on where the last one ended, in linear time."""

_DEEP_KEY = re.compile(rf"(?<![\w-])[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++){{{DEEPEST}}}", re.ASCII)


def text_problems(text: str) -> tuple[str, ...]:
    """What tomllib must not see: its time and memory grow with the square of a dotted key's parts (60 KB: 3 GB)."""
    bare = _TEXT.sub(lambda quoted: "_" + "\n" * quoted[0].count("\n"), text)
    if found := _DEEP_KEY.search(bare):
        line = bare.count("\n", 0, found.start()) + 1
        return (f"line {line}: a key has more than {DEEPEST} parts",)
    return ()


def document_problems(document: dict[str, Any]) -> tuple[str, ...]:
    """What is too large to be checked key by key."""
    values = depth = 0
    level: list[Any] = [document]
    while level := [value for holder in level for value in _inside(holder)]:
        values, depth = values + len(level), depth + 1
        if values > MOST_VALUES:
            return (f"has more than {MOST_VALUES} keys and list items, which is the most for a model spec",)
        if depth > DEEPEST:
            return (f"is nested more than {DEEPEST} levels deep",)
    candidates = document.get("candidates")
    if not isinstance(candidates, list):
        return ()
    if len(candidates) > MOST_CANDIDATES:
        return (f"candidates: give at most {MOST_CANDIDATES}, not {len(candidates)}; a grid tries settings of one",)
    return tuple(problem for position, one in enumerate(candidates) for problem in _grid_problems(position, one))


def _inside(holder: Any) -> Iterable[Any]:
    if isinstance(holder, dict):
        return holder.values()
    return holder if isinstance(holder, list) else ()


def _grid_problems(position: int, candidate: Any) -> tuple[str, ...]:
    grid = candidate.get("grid") if isinstance(candidate, dict) else None
    if not isinstance(grid, dict):
        return ()
    settings = prod(len(values) for values in grid.values() if isinstance(values, list))
    if settings <= MOST_SETTINGS:
        return ()
    return (f"candidates.{position}.grid: has {settings} settings; give at most {MOST_SETTINGS}",)
