"""When a model is trained: the schedule of its spec as Airflow understands it, checked without Airflow."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter  # type: ignore[import-untyped]
from mlyard_shared.spec import ModelSpec
from mlyard_shared.spec.files import wrong

PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
"""Airflow's names for common schedules."""

QUARTERLY = "0 0 1 */3 *"
"""What Airflow takes @quarterly for; croniter knows the other names."""

_ZONE = re.compile(r"\s*(?:CRON_)?TZ=(\S+)\s+")
"""A time zone as some crontabs name it, before the expression."""

_DRAWN = re.compile(r"(?i)[hr](?:\(|/|$)")
"""A field that croniter draws by lot, anew in each process."""

_RIGHT = 'give a cron expression such as "0 3 * * 1", or one of ' + ", ".join(PRESETS)


class Schedule(NamedTuple):
    """A cron expression of five fields, or one of `PRESETS`, and the time zone that it is read in."""

    expression: str
    timezone: str

    def next_after(self, moment: datetime) -> datetime:
        """The next time in UTC, found in the way of Airflow's timetable, also where the clocks are changed.

        Raises:
            CroniterError: it is not a schedule, or never comes.
        """
        zone = ZoneInfo(self.timezone)
        here = moment.astimezone(zone).replace(tzinfo=None)
        cron = croniter(QUARTERLY if self.expression == "@quarterly" else self.expression, start_time=here)
        following: datetime = cron.get_next(datetime)
        if cron.expanded[1] == ["*"]:
            # Each hour counts, the one that comes twice included.
            return moment.astimezone(UTC) + (following - here)
        # The later one where a time comes twice; after the gap where it does not come at all.
        return max(following.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def schedule_of(spec: ModelSpec) -> Schedule | None:
    """The schedule of a spec that has no `problem`; None stands for once, when the spec appears."""
    if spec.schedule is None:
        return None
    zone = _ZONE.match(spec.schedule)
    expression = spec.schedule[zone.end() :] if zone else spec.schedule
    return Schedule(" ".join(expression.split()), zone[1] if zone else spec.timezone)


def check_schedule(spec: ModelSpec, spec_file: Path) -> None:
    """Check the schedule of a spec, also where nobody is going to follow it.

    Raises:
        SpecError: it is not a schedule, or never comes.
    """
    if found := problem(spec):
        raise wrong(spec_file, found)


def of_scoring(spec: ModelSpec) -> ModelSpec:
    """A spec with the schedule of its batch scoring in place of its own."""
    return spec.model_copy(update={"schedule": spec.scoring.schedule})


def problem(spec: ModelSpec) -> str | None:
    """What is wrong with a spec's schedules, and what would be right; None where nothing is."""
    if own := _problem(spec):
        return own
    scoring = _problem(of_scoring(spec))
    return f"scoring.{scoring}".replace("to train once", "to score when somebody asks") if scoring else None


def _problem(spec: ModelSpec) -> str | None:
    schedule = schedule_of(spec)
    if schedule is None:
        return None
    given = _quoted(spec.schedule or "")
    if not schedule.expression:
        return f"schedule: {given} is not a schedule; {_RIGHT}, or leave the key out to train once"
    if spec.timezone not in ("UTC", schedule.timezone):
        return f"schedule: {given} names another time zone than timezone = {_quoted(spec.timezone)}; keep one"
    try:
        ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f'schedule: {_quoted(schedule.timezone)} is not a time zone; give one such as "Europe/Berlin"'
    return _expression_problem(schedule, given)


def describe(spec: ModelSpec, *, now: datetime | None = None) -> str:
    """Tell when the model is trained, for a spec that has no `problem`."""
    schedule = schedule_of(spec)
    if schedule is None:
        return "schedule: once, when the spec appears"
    following = schedule.next_after(now or datetime.now(UTC))
    return f"schedule: {schedule.expression} ({schedule.timezone}), next on {following:%Y-%m-%d %H:%M} UTC"


def _expression_problem(schedule: Schedule, given: str) -> str | None:
    expression = schedule.expression
    fields = expression.split()
    if expression in PRESETS or _comes(schedule):
        return None
    if expression == "@once":
        return f"schedule: {given} is what a spec without a schedule does: leave the key out"
    if (preset := f"@{expression.lower().removeprefix('@')}") in PRESETS:
        return f'schedule: {given} is not a schedule; did you mean "{preset}"?'
    if len(fields) in (6, 7):
        shorter = schedule._replace(expression=" ".join(fields[1:6]))
        hint = f"; without seconds it is {_quoted(shorter.expression)}" if _comes(shorter) else ""
        names = "minute, hour, day of the month, month, day of the week"
        return f"schedule: {given} has {len(fields)} fields; give five: {names}{hint}"
    if len(fields) == 5 and croniter.is_valid(expression) and not _drawn(fields):
        return f"schedule: {given} never comes, since there is no such day; {_RIGHT}"
    return f"schedule: {given} is not a schedule; {_RIGHT}"


def _comes(schedule: Schedule) -> bool:
    fields = schedule.expression.split()
    if len(fields) != 5 or _drawn(fields):
        return False
    try:
        schedule.next_after(datetime.now(UTC))
    except CroniterError:
        return False
    return True


def _drawn(fields: list[str]) -> bool:
    return any(_DRAWN.match(field) for field in fields)


def _quoted(text: str) -> str:
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    return json.dumps(shown, ensure_ascii=False)
