"""Bodies in JSON: right ones, nearly right ones, and what random changes make of them."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from mlyard_shared.columns.examples import EXAMPLES
from mlyard_shared.schema import Column

SECRET = "secret-value"  # noqa: S105 - the value of a cell
"""Stands in cells, and may stand in no answer but as a name."""
MAX_ROWS = 4

OF_TYPE = {
    kind: [example.json for example in EXAMPLES if example.type == kind and example.json and len(example.json) < 50]
    for kind in ("integer", "number", "boolean", "category", "datetime")
}
RIGHT = {
    "integer": ["0", "1", "-7", "42", "9007199254740991", "-0"],
    "number": ["0", "1", "-2.5", "0.1", "1e5", "1E-7", "3.25e+2", "16777217", "-0.0", "-0", "123456.789012345678"],
    "boolean": ["true", "false"],
    "category": ['"a"', '"red"', '"b"', '"gr\\u00fcn"', '"grün"', '""'],
    "datetime": ['"2026-01-01"', '"2026-01-01T10:20:30Z"', '"2026-01-01 10:20"', '"2026-06-01T10:20:30.5+02:00"'],
}
ODD = [
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308", "3.4028235e38", "3.4028234663852886e38", "1e-400"),
    *("9007199254740992", "9007199254740993", "18446744073709551616", "9223372036854775808", "1" * 400, "9" * 4301),
    *("1.0", "1.", ".5", "01", "+1", "-", "--1", "1e", "0x10", "1_0", "0.1000000000000000055511151231257827"),
    *("null", "true", "True", "nul", "[]", "{}", "[1]", '{"a":1}', "[[[[1]]]]", '""', '"1"', f'"{SECRET}"', "''"),
    *('"\\ud800"', '"\\ud83d\\udea2"', '"\\udea2\\ud83d"', '"\\u0000"', '"a\\"b"', '"\\\\"', '"\\/"'),
    *('"\\x"', '"\\u12"'),
    *('"<missing>"', '"é"', '"e\u0301"', '"\x7f"', '"\t"', '"\n"', '"\u2028"', '"2026-13-01"'),
    *('"2026-02-30"', '"0000-01-01"'),
    *("1e5", "1E5", "0e0", "-0e-0", "5e-324", "2.2250738585072011e-308"),
    *("1.7976931348623157e308", "1.7976931348623159e308"),
    *("179769313486231580793e289", "0." + "1" * 800, "1" + "0" * 308, "9007199254740992.999", "4.35", "0.000001"),
]  # fmt: skip
TOKENS = [
    *(text.encode() for text in ODD if len(text) < 100),
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\t", b"\n", b"\r", b"\x0b", b"\x00", b"\xff", b"\xc3"),
    *(b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe2\x80\xa8"),
    *(b"//", b"/**/", b'"rows":', b'"columns":'),
]  # fmt: skip
SPACES = ["", "", "", "", " ", "\n", "\t ", "\r\n", "\x0b", "\u00a0"]


def body(draw: Random, columns: Sequence[Column]) -> bytes:
    """One body: about a third of them are right."""
    text = _document(draw, columns)
    chance = draw.random()
    if chance < 0.02:
        return _encoded(draw, text)
    result = bytearray(text.encode("utf-8", "surrogatepass"))
    if chance < 0.3:
        for _ in range(draw.choice((1, 1, 1, 2, 5))):
            change(draw, result, TOKENS)
    return bytes(result)


def change(draw: Random, data: bytearray, tokens: Sequence[bytes]) -> None:
    """Change something somewhere: a bit, a few bytes, a token, a copy of another part, the end."""
    place = draw.randrange(len(data) + 1)
    kind = draw.randrange(6)
    if kind == 0 and place < len(data):
        data[place] ^= 1 << draw.randrange(8)
    elif kind == 1:
        del data[place : place + draw.choice((1, 1, 2, 8))]
    elif kind == 2:
        data[place:place] = draw.choice(tokens)
    elif kind == 3:
        data[place : place + draw.choice((1, 2, 4))] = draw.choice(tokens)
    elif kind == 4:
        start = draw.randrange(len(data) + 1)
        data[place:place] = data[start : start + draw.choice((1, 3, 10, 40))]
    else:
        del data[place:]


def _document(draw: Random, columns: Sequence[Column]) -> str:
    count = draw.choice((1, 1, 1, 2, 3, MAX_ROWS, MAX_ROWS + 1, 0) if draw.random() < 0.3 else (1, 1, 2, 3, MAX_ROWS))
    wrong = draw.choice((0, 0, 0, 0.05, 0.3))
    rows = [[_value(draw, column, wrong) for column in columns] for _ in range(count)]
    names = [column.name for column in columns]
    if draw.random() < 0.5:
        content = _list(draw, [_object(draw, list(zip(names, row, strict=True)), wrong) for row in rows])
        key = "rows"
    else:
        lists = [_list(draw, list(values)) for values in zip(*rows, strict=True)] if rows else ["[]"] * len(names)
        content = _object(draw, list(zip(names, lists, strict=True)), wrong)
        key = "columns"
    pairs = [(key, content)]
    if draw.random() < wrong / 4:
        pairs.append(draw.choice([(key, content), ("columns", "{}"), ("rows", "[]"), ("x", "1"), (key, "null")]))
        draw.shuffle(pairs)
    return _object(draw, pairs, 0)


def _value(draw: Random, column: Column, wrong: float) -> str:
    if draw.random() < wrong:
        return draw.choice(ODD) if draw.random() < 0.7 else str(draw.choice(OF_TYPE[column.type]))
    if column.nullable and draw.random() < 0.15:
        return "null"
    if column.type == "number" and draw.random() < 0.5:
        return _number(draw)
    return draw.choice(RIGHT[column.type])


def _number(draw: Random) -> str:
    """A number in one of the spellings of a float64, or digits at random."""
    if draw.random() < 0.5:
        return repr(draw.uniform(-1, 1) * 10.0 ** draw.randint(-50, 37))
    digits = "".join(draw.choices("0123456789", k=draw.choice((1, 3, 17, 20, 40))))
    point = draw.randrange(len(digits) + 1)
    whole = digits[:point].lstrip("0") or "0"
    fraction = f".{digits[point:]}" if digits[point:] else ""
    exponent = draw.choice(("", "", f"e{draw.randint(-330, 20)}", f"E+{draw.randint(0, 9)}"))
    return f"{draw.choice(('', '-'))}{whole}{fraction}{exponent}"


def _object(draw: Random, pairs: list[tuple[str, str]], wrong: float) -> str:
    if draw.random() < 0.2:
        draw.shuffle(pairs)
    if draw.random() < wrong / 4:
        change = draw.randrange(4)
        if change == 0 and pairs:
            pairs.append(draw.choice(pairs))
        elif change == 1 and pairs:
            pairs.pop(draw.randrange(len(pairs)))
        elif change == 2:
            pairs.insert(draw.randrange(len(pairs) + 1), ("other", "1"))
        elif pairs:
            pairs.append((pairs[0][0], draw.choice(ODD)))
    inner = f",{_space(draw)}".join(f"{_name(draw, name)}{_space(draw)}:{_space(draw)}{value}" for name, value in pairs)
    return f"{{{inner}}}{_space(draw)}"


def _list(draw: Random, items: list[str]) -> str:
    return f"[{_space(draw)}{','.join(items)}{_space(draw)}]"


def _name(draw: Random, name: str) -> str:
    if draw.random() < 0.05:
        # Any character may be escaped.
        return (
            '"'
            + "".join(f"\\u{ord(char):04x}" if draw.random() < 0.5 else json.dumps(char)[1:-1] for char in name)
            + '"'
        )
    return json.dumps(name, ensure_ascii=draw.random() < 0.5)


def _space(draw: Random) -> str:
    return draw.choice(SPACES) if draw.random() < 0.02 else ""


def _encoded(draw: Random, text: str) -> bytes:
    if draw.random() < 0.3:
        return ("\ufeff" + text).encode("utf-8", "replace")
    return text.encode(draw.choice(["utf-16", "utf-32", "latin-1", "utf-16-le", "utf-7"]), "replace")


def nested(draw: Random) -> bytes:
    """A body that is nested deep, or is large without much in it."""
    depth = draw.choice((3, 50, 99, 101, 500, 1000, 5000, 100_000))
    inner: Any = draw.choice(('{"rows":', "[", '{"columns":{"x0":', '[{"a":', '"', "1,", "[],", '{},"'))
    return draw.choice(('{"rows":[', '{"columns":{"x0":[', "")).encode() + inner.encode() * depth
