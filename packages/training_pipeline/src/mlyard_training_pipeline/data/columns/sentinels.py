"""Texts that people and tools write where a value is missing."""

import re
from typing import Any

import pyarrow.compute as pc

from mlyard_training_pipeline.data.columns.cells import Mask, matches

_WORDS = (
    *("null", "nil", "none", "nan", "nat", "na", "void", "empty", "blank", "missing", "undefined", "undef", "unknown"),
    *("unk", "unspecified", "not available", "not applicable", "not known", "no data", "nodata", "no value", "tbd"),
    *("n/a", "n/d", "n/v", "n.a.", "n.a", "n. a.", "n.d.", "n.v.", "k.a.", "k. a.", "keine angabe", "unbekannt"),
    *("#n/a", "#n/a n/a", "#na", "#nv", "#null!", "#value!", "#div/0!", "#ref!", "#num!", "#name?", "tba", "leer"),
    *("inf", "-inf", "+inf", "infinity", "-infinity", "-nan", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "1.#inf"),
)
_PATTERN = "|".join(
    (
        r"[ \t]*",
        r"[-\x{2010}-\x{2015}?.*/_~x\x{2026}]{1,5}",  # such as -, ?, --, ... and **
        r"[(<\[{]*(" + "|".join(map(re.escape, _WORDS)) + r")[)>\]}]*",
        r"\\n",  # PostgreSQL and MySQL write \N
        # Dates of no day, of ISO 8601 and as they are written elsewhere.
        r"(0000-00-00|9999-99-99|99-99-9999|00[./]00[./]0000|99[./]99[./]9999)([ t][0-9:.]+)?",
    )
)


def sentinels(texts: Any) -> Mask:
    """Which texts stand for a missing value wherever numbers, dates or booleans are meant."""
    return matches(pc.ascii_lower(pc.ascii_trim_whitespace(texts)), _PATTERN)
