import re
from datetime import UTC, datetime

import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline import schedule

from .conftest import make_spec

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday


def scheduled(expression: str | None, timezone: str = "UTC") -> ModelSpec:
    return make_spec(schedule=expression, timezone=timezone)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        pytest.param("daily", 'schedule: "daily" is not a schedule; did you mean "@daily"?', id="word"),
        pytest.param("@Daily", 'schedule: "@Daily" is not a schedule; did you mean "@daily"?', id="capital"),
        pytest.param("now and then", '"now and then" is not a schedule; give a cron expression such as', id="words"),
        pytest.param("", 'schedule: "" is not a schedule; give a cron expression .* or leave the key out', id="empty"),
        pytest.param("  ", "is not a schedule; .* leave the key out", id="blanks"),
        pytest.param(
            "0 0 3 * * *",
            r'has 6 fields; give five: minute, hour, .*; without seconds it is "0 3 \* \* \*"',
            id="quartz",
        ),
        pytest.param("0 0 3 ? * MON 2030", r'has 7 fields; .* it is "0 3 \? \* MON"', id="quartz with a year"),
        pytest.param("0 0 99 * * *", "has 6 fields; give five.*the week$", id="six fields that are wrong"),
        pytest.param("0 3 30 2 *", '"0 3 30 2 [*]" never comes, since there is no such day', id="30 February"),
        pytest.param("0 3 31 4,6,9,11 *", "never comes", id="31 April"),
        pytest.param("0 3 * *", "is not a schedule", id="four fields"),
        pytest.param("60 3 * * *", "is not a schedule", id="minute 60"),
        pytest.param("0 24 * * *", "is not a schedule", id="hour 24"),
        pytest.param("0 3 * * 8", "is not a schedule", id="weekday 8"),
        pytest.param("0 3 0 * *", "is not a schedule", id="day 0"),
        pytest.param("\uff10 3 * * *", "is not a schedule", id="another script's digit"),
        pytest.param("R R * * *", "is not a schedule", id="drawn by lot"),
        pytest.param("H(0-29)/10 3 * * *", "is not a schedule", id="drawn from a hash"),
        pytest.param("@once", 'schedule: "@once" is what a spec without a schedule does', id="@once"),
        pytest.param("@reboot", "is not a schedule", id="@reboot"),
        pytest.param("CRON_TZ=Berlin 0 3 * * *", 'schedule: "Berlin" is not a time zone', id="unknown zone"),
        pytest.param("CRON_TZ=Europe/Berlin daily", "did you mean", id="zone and word"),
        pytest.param("1" * 10_000, "…", id="long"),
    ],
)
def test_what_is_not_a_schedule_is_named_with_what_would_be_right(expression: str, problem: str) -> None:
    found = schedule.problem(scheduled(expression))
    assert found is not None
    assert re.search(problem, found), found
    assert found.startswith("schedule: ")
    assert len(found) < 300


def test_two_time_zones_exclude_each_other() -> None:
    spec = scheduled("CRON_TZ=Europe/Berlin 0 3 * * *", "Asia/Tokyo")
    assert "names another time zone than timezone" in (schedule.problem(spec) or "")


@pytest.mark.parametrize(
    ("expression", "timezone", "told"),
    [
        (None, "UTC", "schedule: once, when the spec appears"),
        ("0 3 * * *", "UTC", "schedule: 0 3 * * * (UTC), next on 2026-11-26 03:00 UTC"),
        (" 0  3 * * 1\n", "UTC", "schedule: 0 3 * * 1 (UTC), next on 2026-11-30 03:00 UTC"),
        ("0 3 * * 1", "Europe/Berlin", "schedule: 0 3 * * 1 (Europe/Berlin), next on 2026-11-30 02:00 UTC"),
        ("CRON_TZ=Europe/Berlin 0 3 * * 1", "UTC", "schedule: 0 3 * * 1 (Europe/Berlin), next on 2026-11-30 02:00 UTC"),
        ("@daily", "America/New_York", "schedule: @daily (America/New_York), next on 2026-11-26 05:00 UTC"),
        ("@quarterly", "UTC", "schedule: @quarterly (UTC), next on 2027-01-01 00:00 UTC"),
        ("0 3 29 2 *", "UTC", "schedule: 0 3 29 2 * (UTC), next on 2028-02-29 03:00 UTC"),
        ("0 3 30 2 1", "UTC", "schedule: 0 3 30 2 1 (UTC), next on 2027-02-01 03:00 UTC"),
        (
            "30 */6 * * mon-fri",
            "Asia/Kolkata",
            "schedule: 30 */6 * * mon-fri (Asia/Kolkata), next on 2026-11-25 13:00 UTC",
        ),
    ],
)
def test_a_schedule_is_told_with_its_time_zone_and_its_next_time(
    expression: str | None, timezone: str, told: str
) -> None:
    spec = scheduled(expression, timezone)
    assert schedule.problem(spec) is None
    assert schedule.describe(spec, now=NOW) == told


@pytest.mark.parametrize(
    ("expression", "before", "following"),
    [
        pytest.param("30 2 * * *", "2027-03-27T12:00", "2027-03-28T01:30", id="in the hour that is left out"),
        pytest.param("30 2 * * *", "2026-10-24T12:00", "2026-10-25T01:30", id="in the hour that comes twice: once"),
        pytest.param("0 * * * *", "2026-10-25T00:30", "2026-10-25T01:00", id="every hour, one that comes twice too"),
        pytest.param("0 3 * * *", "2027-03-27T12:00", "2027-03-28T01:00", id="the first summer's day"),
        pytest.param("0 3 * * *", "2026-10-24T12:00", "2026-10-25T02:00", id="the first winter's day"),
    ],
)
def test_the_clocks_in_berlin_are_changed(expression: str, before: str, following: str) -> None:
    moment = datetime.fromisoformat(f"{before}+00:00")
    found = schedule.Schedule(expression, "Europe/Berlin").next_after(moment)
    assert found == datetime.fromisoformat(f"{following}+00:00")
