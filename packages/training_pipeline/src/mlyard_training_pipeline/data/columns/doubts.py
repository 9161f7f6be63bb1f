"""Texts that keep a column from having a type, and what they say it was meant as."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.columns import ColumnType, dates

from mlyard_training_pipeline.data.columns import readings
from mlyard_training_pipeline.data.columns.cells import Array, matches
from mlyard_training_pipeline.data.columns.inference import patterns
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.readings import Reading
from mlyard_training_pipeline.data.columns.sentinels import sentinels

SAMPLE = 10_000
"""At most this many different texts of a column say what it means."""

MISFITS = 100
_ONE_BY_ONE: tuple[ColumnType, ...] = ("boolean", "number", "datetime")
_CLOCK = "([ Tt,]+[0-9]{1,2}(:.*| ?[AaPp][Mm]|[Zz])?)?"
_DAY, _MONTH = "[0-3]?[0-9]", "[01]?[0-9]"
_NAMED = "(jan|feb|m[aär][rz]|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*[.]?"
_OTHER_DATE = "|".join(
    (
        rf"{_DAY}[./-]{_MONTH}[./-][0-9]{{4}}{_CLOCK}",
        rf"{_MONTH}[/-]{_DAY}[/-][0-9]{{4}}{_CLOCK}",
        rf"[0-9]{{4}}[./-]{_MONTH}[./-]{_DAY}{_CLOCK}",
        rf"[0-3][0-9][./][01][0-9][./][0-9]{{2}}{_CLOCK}|[01][0-9]/[0-3][0-9]/[0-9]{{2}}{_CLOCK}",
        r"[12][0-9]{3}[01][0-9][0-3][0-9][ Tt][0-9]{4,6}([.,][0-9]+)?([Zz]|[+-][0-9:]+)?",
        rf"(?i)([a-z]+[.,]* +)?{_DAY}[. -]+{_NAMED}[ .,-]+([0-9]{{4}}|[0-9]{{2}}){_CLOCK}",
        rf"(?i)([a-z]+[.,]* +)?{_NAMED}[ .-]+{_DAY}(st|nd|rd|th)?[ .,-]+[0-9]{{4}}{_CLOCK}",
    )
)
"""Dates as people and tools write them that do not keep to ISO 8601."""


@dataclass
class Evidence:
    """What the texts of a column say about its type."""

    form: NumberForm
    cells: int = 0
    fitting: dict[ColumnType, int] = field(default_factory=dict)
    sample: Any = field(default_factory=lambda: pa.array([], pa.string()))
    misfits: dict[ColumnType, Any] = field(default_factory=dict)

    def add(self, values: Any, counts: Array) -> None:
        """Take in texts, and how many rows have each."""
        self.cells += int(counts.sum())
        self.sample = _distinct(self.sample, values, SAMPLE)
        for kind, pattern in patterns(self.form).items():
            fits = matches(values, pattern)
            self.fitting[kind] = self.fitting.get(kind, 0) + int(counts[fits].sum())
            known = self.misfits.get(kind, pa.array([], pa.string()))
            self.misfits[kind] = _distinct(known, values.filter(pa.array(~fits)), MISFITS)

    @property
    def type(self) -> ColumnType:
        """The first type that all texts fit."""
        return next((kind for kind in patterns(self.form) if self.fitting[kind] == self.cells), "category")


@dataclass(frozen=True)
class Doubt:
    """A column that would be of a type but for some texts.

    `strays` are those texts. `reading` says which keys of the spec would read the others, where they are numbers in
    another form than it names, and `foreign` that the strays are dates in another form than ISO 8601's.
    """

    type: ColumnType
    strays: tuple[str, ...]
    known_words: bool
    reading: Reading | None = None
    foreign: bool = False


def doubt_of(evidence: Evidence) -> Doubt | None:
    """Why a column of texts may be meant as something else, if anything says so."""
    for kind in _ONE_BY_ONE:
        strays = evidence.misfits[kind]
        if evidence.fitting[kind] and len(strays) < MISFITS and sentinels(strays).all():
            return Doubt(kind, tuple(strays.to_pylist()), known_words=True)
    meant = evidence.sample.filter(pa.array(~sentinels(evidence.sample)))
    found = readings.reading(meant) if len(meant) else None
    plain = int(matches(meant, evidence.form.number).sum())
    if found is not None and int(found.fits.sum()) > plain:
        strays = pa.concat_arrays([meant.filter(pa.array(~found.fits)), _distinct_sentinels(evidence)])
        return Doubt("number", tuple(strays.to_pylist()), known_words=bool(sentinels(strays).all()), reading=found)
    if foreign := _foreign_dates(meant):
        return Doubt("datetime", foreign, known_words=False, foreign=True)
    for kind in _ONE_BY_ONE:
        strays, fitting = evidence.misfits[kind], int(matches(evidence.sample, patterns(evidence.form)[kind]).sum())
        words = int(sentinels(strays).sum())
        share = evidence.fitting[kind] / max(evidence.cells, 1)
        if readings.mostly(fitting, len(strays) - words, share=share):
            return Doubt(kind, tuple(strays.to_pylist()), known_words=False)
    return None


def _foreign_dates(texts: Any) -> tuple[str, ...]:
    """The texts that are dates in another form than ISO 8601's, where most texts are dates."""
    iso = matches(texts, dates.PATTERN)
    foreign = matches(texts, _OTHER_DATE) & ~iso
    if not foreign.any() or (foreign | iso).mean() < readings.MOSTLY:
        return ()
    found: list[str] = texts.filter(pa.array(foreign)).to_pylist()
    return tuple(found)


def _distinct_sentinels(evidence: Evidence) -> Any:
    strays = _distinct(evidence.misfits["number"], evidence.sample, SAMPLE)
    return strays.filter(pa.array(sentinels(strays)))


def _distinct(known: Any, more: Any, limit: int) -> Any:
    """The different texts of both, up to a limit, in the order in which they came."""
    if len(known) >= limit:
        return known
    return pc.unique(pa.concat_arrays([known, pc.unique(more).drop_null()])).slice(0, limit)
