"""The names of a table's columns."""

import unicodedata
from collections.abc import Sequence

from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec

LONGEST_NAME = 200
"""How many characters a spec's names of columns may have."""


def checked_names(names: Sequence[str], origin: str) -> list[str]:
    """Return the names in Unicode's NFC form, in which they are compared everywhere.

    Args:
        names: as the source has them.
        origin: begins each message.

    Raises:
        TableError: one is empty or too long for a spec, or two are the same.
    """
    known: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise TableError(f"{origin}: column {position} has no name: give it one")
        composed = unicodedata.normalize("NFC", name)
        if len(composed) > LONGEST_NAME:
            raise TableError(
                f"{origin}: the name of column {position} has {len(composed)} characters, and a name may have "
                f"{LONGEST_NAME}: rename it"
            )
        if composed in known:
            alike = "" if known[composed] == name else ", which differ only by the form of their Unicode characters"
            raise TableError(f"{origin} has two columns named {composed!r}{alike}: rename one, or leave it out")
        known[composed] = name
    return list(known)


def as_spelled(names: Sequence[str], spec: ModelSpec) -> list[str]:
    """Return names without blanks around them as a spec spells them, which may write the blanks of the file."""
    spelled = {name.strip(" \t"): name for name in sorted(named_columns(spec))}
    return [name if name in named_columns(spec) else spelled.get(name, name) for name in names]


def named_columns(spec: ModelSpec) -> set[str]:
    """Every column that a spec names anywhere."""
    chosen = spec.features
    lists = (spec.key, chosen.use, chosen.leave_out, chosen.types, chosen.dates, chosen.unseen)
    single = (spec.target, spec.group, spec.event_time)
    return {name for names in lists for name in names} | {name for name in single if name is not None}
