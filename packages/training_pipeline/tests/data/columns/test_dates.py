from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.columns import dates as grammar
from mlyard_training_pipeline.data.columns import dates

LIMIT = 2**63 - 1
DAY = datetime(2024, 1, 31)  # noqa: DTZ001 - in UTC, as it is stored


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(pa.array([date(2024, 1, 31)]), id="date32"),
        pytest.param(pa.array([date(2024, 1, 31)], pa.date64()), id="date64"),
        *(pytest.param(pa.array([DAY], pa.timestamp(unit)), id=unit) for unit in ("s", "ms", "us")),
        pytest.param(pa.array([DAY], pa.timestamp("ns")), id="ns"),
        pytest.param(pa.array([datetime(2024, 1, 31, tzinfo=UTC)], pa.timestamp("ms", "Asia/Tokyo")), id="zoned"),
        pytest.param(pa.array(["2024-01-31"]), id="text"),
        pytest.param(pa.array(["2024-01-30T23:00:00.000000999-0100"]), id="text with an offset"),
    ],
)
def test_every_kind_of_date_is_the_same_microseconds_in_utc(cells: Any) -> None:
    found = dates.moments(cells)
    assert found.faults == ()
    assert found.values.view("datetime64[us]").tolist() == [DAY]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("count", [LIMIT, -LIMIT, LIMIT // 1000, 253_402_300_800_000_000])
def test_a_timestamp_beyond_the_years_never_wraps(unit: str, count: int) -> None:
    found = dates.moments(pa.array([count], pa.timestamp(unit)))
    factor = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 0.001}[unit]
    inside = -62_135_596_800_000_000 <= count * factor < 253_402_300_800_000_000
    assert [code for code, _ in found.faults] == ([] if inside else ["out_of_range"])


def test_nanoseconds_are_cut_and_not_rounded_before_1970_too() -> None:
    cells = pa.array([-1, 1, -1_000, 1_999], pa.timestamp("ns"))
    assert dates.stored(cells).tolist() == [-1, 0, -1, 1]
    texts = pa.array(["1969-12-31T23:59:59.999999999", "1970-01-01T00:00:00.000000001"])
    assert dates.moments(texts).values.tolist() == [-1, 0]


def test_null_is_not_a_date() -> None:
    for cells in (pa.array([None, "2024-01-01"]), pa.array([None, date(2024, 1, 1)]), pa.array([None, None], "string")):
        found = dates.moments(cells)
        assert np.isnat(found.values.view("datetime64[us]"))[0]
        assert found.faults == ()


def test_random_dates_in_every_form_are_what_python_reads() -> None:
    draw = np.random.default_rng(11)
    texts = []
    for _ in range(3_000):
        day = np.datetime64("0001-01-02") + np.timedelta64(draw.integers(0, 3_652_000), "D")
        text = str(day)
        if draw.random() < 0.8:
            clock = [f"{draw.integers(0, limit):02}" for limit in (24, 60, 60)]
            parts = int(draw.integers(2, 4))
            text += draw.choice(["T", " "]) + ":".join(clock[:parts])
            if parts == 3 and draw.random() < 0.5:
                text += "." + "".join(map(str, draw.integers(0, 10, draw.integers(1, 10))))
            signs = draw.choice(["+", "-"]), f"{draw.integers(0, 24):02}", f"{draw.integers(0, 60):02}"
            text += draw.choice(["", "Z", signs[0] + signs[1], "".join(signs), f"{signs[0]}{signs[1]}:{signs[2]}"])
        texts.append(text)
    found = dates.moments(pa.array(texts))
    assert found.faults == ()
    assert found.values.view("datetime64[us]").tolist() == [grammar.moment(text) for text in texts]


@pytest.mark.parametrize(
    "step", [pytest.param(1, id="every day", marks=pytest.mark.long), pytest.param(13, id="days of every month")]
)
def test_the_days_of_the_calendar_are_known(step: int) -> None:
    days = np.arange(np.datetime64("0001-01-01"), np.datetime64("10000-01-01"), np.timedelta64(step, "D"))
    found = dates.moments(pa.array(np.datetime_as_string(days).astype(object)))
    assert found.faults == ()
    assert (found.values == days.astype("datetime64[us]").astype(np.int64)).all()
    for year in (*range(1, 10_000, 97), 1900, 2000, 2100):
        exists = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        assert bool(dates.moments(pa.array([f"{year:04}-02-29"])).faults) is not exists
