"""Examples of cells: what every reader of a table and every reader of a request is tested against.

One table for both sides, so that what trains can be served and what is served could have been trained on.
"""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from mlyard_shared.columns.grammar import ColumnType


class Example(NamedTuple):
    """A cell of a column whose type is known.

    `text` is the cell as a table's text and `json` as a request spells it; None where that side cannot have it.
    `value` is what both become (dates in UTC without an offset), and where there is a `fault` both refuse the cell.
    """

    type: ColumnType
    text: str | None
    json: str | None
    value: bool | int | float | str | datetime | None = None
    fault: str | None = None


class Inferred(NamedTuple):
    """A text, and the type of a column that holds nothing else."""

    text: str
    type: ColumnType


class Key(NamedTuple):
    """A cell of a key, a group or a typed category, and its canonical text; `typed` is False for a text."""

    cell: Any
    key: str | None

    @property
    def typed(self) -> bool:
        return not isinstance(self.cell, str)


_FLOAT32_MAX = "3.4028234663852886e38"
_LONG = "x" * 10_000

_INTEGERS = (
    Example("integer", "0", "0", 0),
    Example("integer", "-0", "-0", 0),
    Example("integer", "7", "7", 7),
    Example("integer", "-7", "-7", -7),
    Example("integer", "+7", None, 7),
    Example("integer", "007", None, 7),
    Example("integer", "1.0", None, 1),
    Example("integer", "1.", None, 1),
    Example("integer", "1e3", None, 1000),
    Example("integer", "1.5e1", None, 15),
    Example("integer", "16777217", "16777217", 16_777_217),
    Example("integer", "9007199254740991", "9007199254740991", 2**53 - 1),
    Example("integer", "-9007199254740991", "-9007199254740991", 1 - 2**53),
    Example("integer", "9007199254740992", "9007199254740992", fault="out_of_range"),
    Example("integer", "-9007199254740992", "-9007199254740992", fault="out_of_range"),
    Example("integer", "9007199254740993", "9007199254740993", fault="out_of_range"),
    Example("integer", "9007199254740992.0", None, fault="out_of_range"),
    Example("integer", "18446744073709551616", "18446744073709551616", fault="out_of_range"),
    Example("integer", "9" * 400, "9" * 400, fault="out_of_range"),
    Example("integer", "1e19", None, fault="out_of_range"),
    Example("integer", "1.5", "1.5", fault="wrong_type"),
    Example("integer", None, "1.0", fault="wrong_type"),
    Example("integer", None, "1e3", fault="wrong_type"),
    Example("integer", None, '"1"', fault="wrong_type"),
    Example("integer", None, "[1]", fault="wrong_type"),
    Example("integer", "true", "true", fault="wrong_type"),
    Example("integer", " 1", '" 1"', fault="wrong_type"),
    Example("integer", "1_000", '"1_000"', fault="wrong_type"),
    Example("integer", "0x10", '"0x10"', fault="wrong_type"),
    Example("integer", "\u0661", '"\u0661"', fault="wrong_type"),
    Example("integer", "--1", '"--1"', fault="wrong_type"),
    Example("integer", "2024-01-31", '"2024-01-31"', fault="wrong_type"),
)
_NUMBERS = (
    Example("number", "0", "0", 0.0),
    Example("number", "-0.0", "-0.0", 0.0),
    Example("number", "0.1", "0.1", 0.1),
    Example("number", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827", 0.1),
    Example("number", "-2.5", "-2.5", -2.5),
    Example("number", "+2.5", None, 2.5),
    Example("number", "007.5", None, 7.5),
    Example("number", "00", None, 0.0),
    Example("number", ".5", None, 0.5),
    Example("number", "5.", None, 5.0),
    Example("number", "1e5", "1e5", 100_000.0),
    Example("number", "1E+5", "1E+5", 100_000.0),
    Example("number", "1e-7", "1e-7", 1e-7),
    Example("number", "16777217", "16777217", 16_777_217.0),
    Example("number", "9007199254740993", "9007199254740993", 9_007_199_254_740_992.0),
    Example("number", "123456789012345678901234567890", "123456789012345678901234567890", 1.2345678901234568e29),
    Example("number", _FLOAT32_MAX, _FLOAT32_MAX, 3.4028234663852886e38),
    Example("number", f"-{_FLOAT32_MAX}", f"-{_FLOAT32_MAX}", -3.4028234663852886e38),
    Example("number", "1e-45", "1e-45", 1e-45),
    Example("number", "5e-324", "5e-324", 5e-324),
    Example("number", "1e-400", "1e-400", 0.0),
    Example("number", "3.402823466385289e38", "3.402823466385289e38", fault="out_of_range"),
    Example("number", "-3.402823466385289e38", "-3.402823466385289e38", fault="out_of_range"),
    Example("number", "1e39", "1e39", fault="out_of_range"),
    Example("number", "1.7976931348623157e308", "1.7976931348623157e308", fault="out_of_range"),
    Example("number", "1e400", "1e400", fault="not_finite"),
    Example("number", "-1e400", "-1e400", fault="not_finite"),
    Example("number", "inf", '"inf"', fault="wrong_type"),
    Example("number", "nan", '"nan"', fault="wrong_type"),
    Example("number", "-Infinity", '"-Infinity"', fault="wrong_type"),
    Example("number", None, '"1.5"', fault="wrong_type"),
    Example("number", None, "{}", fault="wrong_type"),
    Example("number", "true", "true", fault="wrong_type"),
    Example("number", "1,5", '"1,5"', fault="wrong_type"),
    Example("number", "1.250,80", '"1.250,80"', fault="wrong_type"),
    Example("number", "1,000.5", '"1,000.5"', fault="wrong_type"),
    Example("number", "1 000", '"1 000"', fault="wrong_type"),
    Example("number", "12 %", '"12 %"', fault="wrong_type"),
    Example("number", "1.5 ", '"1.5 "', fault="wrong_type"),
    Example("number", "1.5\n", '"1.5\\n"', fault="wrong_type"),
    Example("number", "1_0.5", '"1_0.5"', fault="wrong_type"),
    Example("number", "0x1p3", '"0x1p3"', fault="wrong_type"),
    Example("number", "1.2.3", '"1.2.3"', fault="wrong_type"),
    Example("number", ".", '"."', fault="wrong_type"),
    Example("number", "e5", '"e5"', fault="wrong_type"),
    Example("number", "1e", '"1e"', fault="wrong_type"),
    Example("number", "+", '"+"', fault="wrong_type"),
    Example("number", "+-1", '"+-1"', fault="wrong_type"),
    Example("number", "", '""', fault="wrong_type"),
    Example("number", "\uff11", '"\uff11"', fault="wrong_type"),
)
_BOOLEANS = (
    *(Example("boolean", text, None, True) for text in ("True", "TRUE", "1")),
    *(Example("boolean", text, None, False) for text in ("False", "FALSE", "0")),
    Example("boolean", "true", "true", True),
    Example("boolean", "false", "false", False),
    Example("boolean", None, "1", fault="wrong_type"),
    Example("boolean", None, "0.0", fault="wrong_type"),
    Example("boolean", None, '"true"', fault="wrong_type"),
    Example("boolean", "tRUE", '"tRUE"', fault="wrong_type"),
    Example("boolean", "yes", '"yes"', fault="wrong_type"),
    Example("boolean", "t", '"t"', fault="wrong_type"),
    Example("boolean", " true", '" true"', fault="wrong_type"),
    Example("boolean", "1.0", '"1.0"', fault="wrong_type"),
    Example("boolean", "2", "2", fault="wrong_type"),
    Example("boolean", "", '""', fault="wrong_type"),
)


def _date(text: str, *moment: int) -> Example:
    return Example("datetime", text, f'"{text}"', datetime(*moment))  # type: ignore[arg-type] # noqa: DTZ001


def _not_a_date(text: str, fault: str = "bad_date") -> Example:
    return Example("datetime", text, f'"{text}"', fault=fault)


_DATES = (
    _date("2024-01-31", 2024, 1, 31),
    _date("2024-02-29", 2024, 2, 29),
    _date("2000-02-29", 2000, 2, 29),
    _date("2024-01-31T10:20", 2024, 1, 31, 10, 20),
    _date("2024-01-31 10:20:30", 2024, 1, 31, 10, 20, 30),
    _date("2024-01-31T10:20:30Z", 2024, 1, 31, 10, 20, 30),
    _date("2024-01-31T10:20Z", 2024, 1, 31, 10, 20),
    _date("2024-01-31T23:59:59.999999Z", 2024, 1, 31, 23, 59, 59, 999_999),
    *(_date(f"2024-01-31T10:20:30{offset}", 2024, 1, 31, 9, 20, 30) for offset in ("+01", "+0100", "+01:00")),
    *(_date(f"2024-01-31 10:20{offset}", 2024, 1, 31, 10, 20) for offset in ("+00", "-00", "+0000", "-00:00")),
    _date("2024-03-01T01:30:00+05:30", 2024, 2, 29, 20),
    _date("2023-12-31T20:00:00-0430", 2024, 1, 1, 0, 30),
    _date("2024-01-31T10:20:30+01:00:15", 2024, 1, 31, 9, 20, 15),
    _date("2024-01-31T10:20:30-010015", 2024, 1, 31, 11, 20, 45),
    _date("2024-01-31T10:20:30+23:59", 2024, 1, 30, 10, 21, 30),
    _date("2024-01-31T10:20:30.5", 2024, 1, 31, 10, 20, 30, 500_000),
    _date("2024-01-31T10:20:30.05+01", 2024, 1, 31, 9, 20, 30, 50_000),
    _date("2024-01-31T10:20:30.123456789", 2024, 1, 31, 10, 20, 30, 123_456),
    _date("2024-01-31T10:20:30.999999999Z", 2024, 1, 31, 10, 20, 30, 999_999),
    _date("1969-12-31T23:59:59.9999999", 1969, 12, 31, 23, 59, 59, 999_999),
    _date("1816-03-30T05:56:08.066277376", 1816, 3, 30, 5, 56, 8, 66_277),
    _date("1582-10-10", 1582, 10, 10),
    _date("0001-01-01", 1, 1, 1),
    _date("0001-01-01T00:00:00Z", 1, 1, 1),
    _date("0001-01-01T00:00:00-05:00", 1, 1, 1, 5),
    _date("9999-12-31T23:59:59.999999", 9999, 12, 31, 23, 59, 59, 999_999),
    _date("9999-12-31T23:59:59+01:00", 9999, 12, 31, 22, 59, 59),
    _not_a_date("0001-01-01T00:00:00+05:00", "out_of_range"),
    _not_a_date("0001-01-01T00:00:00+00:00:01", "out_of_range"),
    _not_a_date("9999-12-31T23:59:59-01:00", "out_of_range"),
    _not_a_date("9999-12-31T23:59:59.999999-00:00:01", "out_of_range"),
    _not_a_date("0000-01-01"),
    _not_a_date("0000-00-00"),
    _not_a_date("9999-99-99"),
    _not_a_date("2023-02-29"),
    _not_a_date("1900-02-29"),
    _not_a_date("2024-04-31T10:00:00+01:00"),
    _not_a_date("2024-13-01"),
    _not_a_date("2024-01-32"),
    _not_a_date("2024-1-1"),
    _not_a_date("20240131"),
    _not_a_date("2024-W05-3"),
    _not_a_date("2024-031"),
    _not_a_date("2024-01"),
    _not_a_date("31.01.2024"),
    _not_a_date("01/31/2024"),
    _not_a_date("2024-01-31T"),
    _not_a_date("2024-01-31T10"),
    _not_a_date("2024-01-31t10:20"),
    _not_a_date("2024-01-31T24:00"),
    _not_a_date("2024-01-31T10:60"),
    _not_a_date("2024-01-31T10:20:60"),
    _not_a_date("2024-01-31T10:20:30."),
    _not_a_date("2024-01-31T10:20:30,5"),
    _not_a_date("2024-01-31T10:20:30.1234567890"),
    _not_a_date("2024-01-31T10:20.5"),
    _not_a_date("2024-01-31T10:20:30z"),
    _not_a_date("2024-01-31T10:20:30 +01:00"),
    _not_a_date("2024-01-31T10:20:30+1"),
    _not_a_date("2024-01-31T10:20:30+24:00"),
    _not_a_date("2024-01-31T10:20:30+01:60"),
    _not_a_date("2024-01-31T10:20:30 UTC"),
    _not_a_date("2024-01-31T10:20:30Z+01"),
    _not_a_date("2024-01-31Z"),
    _not_a_date("2024-01-31+01:00"),
    _not_a_date("+2024-01-31"),
    _not_a_date("12024-01-31"),
    _not_a_date(" 2024-01-31"),
    _not_a_date("\u0662\u0660\u0662\u0664-01-31"),
    _not_a_date("today"),
    _not_a_date(""),
    Example("datetime", "2024-01-31\n", '"2024-01-31\\n"', fault="bad_date"),
    Example("datetime", None, "1706659200", fault="wrong_type"),
    Example("datetime", None, "false", fault="wrong_type"),
)
_CATEGORIES = (
    *(Example("category", text, f'"{text}"', text) for text in ("a", "", " a ", "1", "01", "1.0", "true", "null")),
    Example("category", "caf\u00e9", '"caf\u00e9"', "caf\u00e9"),
    Example("category", "cafe\u0301", '"cafe\u0301"', "cafe\u0301"),
    Example("category", "\U0001f6a2", '"\\ud83d\\udea2"', "\U0001f6a2"),
    Example("category", "\ufeffa", '"\ufeffa"', "\ufeffa"),
    Example("category", 'a"b\\c\nd\te', '"a\\"b\\\\c\\nd\\te"', 'a"b\\c\nd\te'),
    Example("category", "\x01\x7f", '"\\u0001\\u007f"', "\x01\x7f"),
    Example("category", "<Missing>", '"<Missing>"', "<Missing>"),
    Example("category", " <missing>", '" <missing>"', " <missing>"),
    Example("category", _LONG, f'"{_LONG}"', _LONG),
    Example("category", "\u00e9" * 10_000, f'"{"é" * 10_000}"', "\u00e9" * 10_000),
    Example("category", "<missing>", '"<missing>"', fault="bad_text"),
    Example("category", "a\0b", '"a\\u0000b"', fault="bad_text"),
    Example("category", "\0", '"\\u0000"', fault="bad_text"),
    Example("category", None, '"\\ud800"', fault="bad_text"),
    Example("category", None, '"a\\udfff\\ud83d"', fault="bad_text"),
    Example("category", f"{_LONG}x", f'"{_LONG}x"', fault="text_too_long"),
    Example("category", None, "1", fault="wrong_type"),
    Example("category", None, "true", fault="wrong_type"),
    Example("category", None, '["a"]', fault="wrong_type"),
)

EXAMPLES = (*_INTEGERS, *_NUMBERS, *_BOOLEANS, *_DATES, *_CATEGORIES)

INFERRED = (
    *(Inferred(text, "integer") for text in ("0", "-0", "7", "+7", "9007199254740993", "9" * 400)),
    *(Inferred(text, "number") for text in ("1.0", "1.", ".5", "-0.5", "1e5", "1E-5", "1e400", "0.10")),
    *(Inferred(text, "boolean") for text in ("true", "True", "TRUE", "false", "False", "FALSE")),
    *(Inferred(text, "datetime") for text in ("2024-01-31", "2024-01-31 10:20:30+00", "2024-02-30", "0000-01-01")),
    *(Inferred(text, "category") for text in ("", "a", "007", "00", "-01", "01.5", "1,5", "1_0", "tRUE", "yes", "t")),
    *(
        Inferred(text, "category")
        for text in ("nan", "inf", "NULL", "-", "1 ", " 1", "1\n", "0x10", "\u0661", "\uff11")
    ),
    *(Inferred(text, "category") for text in ("2024-01", "9999-99-99", "2024-1-1", "2024-01-31T10", "1.2.3", "+", ".")),
)

_HOUR = timezone(timedelta(hours=1))
KEYS = (
    *(Key(cell, "1") for cell in (1, 1.0, "1", "1.0", "+1", "1.", "1e0", "10e-1", "1.000", Decimal("1.00"))),
    *(Key(cell, "0") for cell in (0, 0.0, -0.0, "0", "-0", "0.0", "-0.0", ".0", "0e5", "1e-400", "-1e-400")),
    *(Key(cell, "-7") for cell in (-7, -7.0, "-7", "-7.0", Decimal(-7))),
    *(Key(cell, "1000") for cell in (1000, 1e3, "1e3", "1000", "1E+3", Decimal("1E+3"))),
    *(Key(cell, "1.5") for cell in (1.5, "1.5", "1.50", "15e-1", "0.15e1", "1.5000", Decimal("1.50"))),
    *(Key(cell, "0.1") for cell in (0.1, "0.1", ".1", "0.10", "1e-1", "0.1000000000000000055511151231257827")),
    *(Key(cell, "1e-05") for cell in (0.00001, "0.00001", "1e-5", "1E-05")),
    *(Key(cell, "1.25e-07") for cell in (1.25e-7, "0.000000125", "1.25e-7")),
    *(Key(cell, "0.0001") for cell in (0.0001, "1e-4")),
    *(Key(cell, "9007199254740993") for cell in (9007199254740993, "9007199254740993", "9007199254740993.0")),
    *(Key(cell, "9007199254740992") for cell in (2**53, float(2**53), "9007199254740992")),
    *(Key(cell, "18446744073709551615") for cell in (2**64 - 1, "18446744073709551615")),
    *(Key(cell, "10000000000000000000000") for cell in (1e22, "1e22", "10000000000000000000000")),
    *(Key(cell, "123456789012345680") for cell in (1.2345678901234568e17, "1.2345678901234568e17")),
    Key("12345678901234567890123", "12345678901234567890123"),
    Key("1e400", "1e400"),
    *(
        Key(text, text)
        for text in ("007", "00", "01.5", "-01", "1_0", "1,5", " 1", "1 ", "0x10", "nan", "inf", "\u0661")
    ),
    *(Key(text, text) for text in ("a", "", "A", "None", "null", "K-17", "caf\u00e9", "cafe\u0301", "yes", "tRUE")),
    *(Key(cell, "true") for cell in (True, "true", "True", "TRUE")),
    *(Key(cell, "false") for cell in (False, "false", "False", "FALSE")),
    *(
        Key(cell, "2026-01-31T00:00:00")
        for cell in (
            "2026-01-31",
            "2026-01-31 00:00",
            "2026-01-31T00:00:00Z",
            "2026-01-31T01:00:00+01",
            "2026-01-30T23:00:00.000000000-0100",
            date(2026, 1, 31),
            datetime(2026, 1, 31, tzinfo=UTC),
            datetime(2026, 1, 31, 1, tzinfo=_HOUR),
            datetime(2026, 1, 31),  # noqa: DTZ001 - as a database has it
        )
    ),
    *(Key(cell, "2026-01-31T10:20:30.050000") for cell in ("2026-01-31 10:20:30.05", "2026-01-31T10:20:30.0500009Z")),
    *(Key(cell, "0001-01-01T00:00:00") for cell in ("0001-01-01", date(1, 1, 1))),
    *(Key(text, text) for text in ("2026-02-30", "0000-01-01", "0001-01-01T00:00:00+05:00", "2026-01", "31.01.2026")),
    Key(None, None),
    Key(float("nan"), None),
)
