"""The training DAG of a spec: the steps in order, the candidates side by side."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, CronTriggerTimetable, literal, task
from mlyard_shared.spec import ModelSpec, read_spec

from mlyard_training_pipeline.orchestration.admission import admit
from mlyard_training_pipeline.orchestration.dags import tasks
from mlyard_training_pipeline.orchestration.processes.environment import PROMOTION_POOL
from mlyard_training_pipeline.schedule import schedule_of

RUN_KEY = "{{ run_id }}"

ONCE = "@once"
"""Without a schedule a model is trained when its spec appears, and then when somebody asks for it."""

RETRIES: dict[str, Any] = {
    "retries": 7,
    "retry_delay": timedelta(seconds=2),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(seconds=30),
}
"""Two minutes in all: what a registry takes to come back, or to start for the first time beside Airflow."""


def training_dag(spec_file: Path, *, folders: Sequence[Path], seen: float) -> DAG:
    """Return the DAG of a spec.

    Args:
        spec_file: the spec.
        folders: those that its table may lie in.
        seen: when the spec was first seen as it is now, in seconds since 1970. The times of its schedule before that
            do not count: for the last one of them, Airflow would train at once.

    Raises:
        SpecError: the spec is wrong.
    """
    spec = read_spec(spec_file)
    admit(spec, spec_file, folders=folders)
    with DAG(
        dag_id=spec.name,
        schedule=_timetable(spec),
        # A run without a schedule is dated by its DAG's start, or else by the moment at which it begins.
        start_date=datetime.fromtimestamp(int(seen), UTC) if spec.schedule is not None else None,
        catchup=False,
        max_active_runs=1,
        default_args=RETRIES,
        on_failure_callback=tasks.abandon,
        tags=["mlyard", spec.task],
        description=f"{spec.task} of {spec.target}",
        doc_md=_documentation(spec, spec_file),
    ) as dag:
        # A path is not a template, whatever braces are in it.
        run = _step(tasks.extract)(spec_file=literal(str(spec_file)), model=spec.name, run_key=RUN_KEY)
        candidates = _step(tasks.validate)(run)
        searched = _search(spec, run, candidates)
        # Where nothing was left to try, the tasks before it are skipped.
        train = _step(tasks.train, map_index_template=_CANDIDATE, trigger_rule="none_failed")
        trained = train.partial(run=run).expand(candidate=candidates)
        for task_before in searched:
            task_before >> trained
        evaluation = _step(tasks.evaluate)(run, trained)
        # Airflow leaves such a task out of account where it says how a run has ended.
        _step(tasks.evidence, retries=0)(run, trained, evaluation).as_teardown()
        report = _step(tasks.gate)(run, evaluation)
        version = _step(tasks.register)(run, evaluation, report)
        # What a person is not asked about, or does not answer in time, still ends the training's run.
        promote = _step(tasks.promote, pool=PROMOTION_POOL, trigger_rule="none_failed")
        answer = _approval(spec, run, version) if spec.gate.approval else None
        promote(run, version, actor=f"airflow {RUN_KEY}", answer=answer)
    return dag


def _approval(spec: ModelSpec, run: Any, version: Any) -> Any:
    """The answer of a person, whom Airflow asks on its page of required actions; none where there is nothing to ask."""
    asked = task.short_circuit(ignore_downstream_trigger_rules=False)(tasks.needs_approval)(run, version)
    told = "ti.xcom_pull(task_ids='needs_approval')"
    approve = HITLOperator(
        task_id="approve",
        subject=f"May version {{{{ {told}['version'] }}}} of {spec.name} serve?",
        body=f"The gate: {{{{ {told}['verdict'] }}}}",
        options=[tasks.YES, tasks.NO],
        defaults=[tasks.NO],
        response_timeout=timedelta(hours=spec.gate.approval_hours),
    )
    asked >> approve
    return approve.output


_CANDIDATE = "{{ task.op_kwargs['candidate'] }}"


def _search(spec: ModelSpec, run: Any, validated: Any) -> list[Any]:
    """The tasks of candidates with many settings: the first ones, the parts that are left, and rung after rung."""
    names = [candidate.name for candidate in spec.candidates if candidate.is_searched]
    if not names:
        return []
    search = _step(tasks.search, map_index_template=_CANDIDATE)
    begun = search.partial(run=run).expand(candidate=names)
    validated >> begun
    parts = _step(tasks.spread)(begun)
    settings = _step(tasks.settings, map_index_template="{{ task.op_kwargs['part'].candidate }}")
    last = [settings.partial(run=run).expand(part=parts)]
    before = begun
    for number in range(1, max(candidate.rungs for candidate in spec.candidates)):
        rung = _step(tasks.rung, map_index_template=_CANDIDATE).override(task_id=f"rung_{number}")
        halved = [candidate.name for candidate in spec.candidates if candidate.rungs > number]
        tried = rung.partial(run=run, number=number).expand(candidate=halved)
        before >> tried
        before = tried
    return [*last, before]


def _step(function: Callable[..., Any], **options: Any) -> Any:
    """Return a function that makes a task of a DAG, and takes what other tasks return as if it were there already."""
    return task(**options)(function)


def _timetable(spec: ModelSpec) -> Any:
    schedule = schedule_of(spec)
    return CronTriggerTimetable(schedule.expression, timezone=schedule.timezone) if schedule else ONCE


def _documentation(spec: ModelSpec, file: Path) -> str:
    candidates = "\n".join(f"- {candidate.name}: `{candidate.estimator}`" for candidate in spec.candidates)
    source = spec.source.path or f"a query over the connection {spec.source.connection}"
    return f"""\
Trains **{spec.name}** ({spec.task} of `{spec.target}`, chosen by {spec.metric}) from {source}, as `{file}` says:

{candidates}

On the holdout ({spec.holdout.fraction:.0%} of the rows) the winner must {_rule(spec)} in {spec.metric}\
{"" if spec.gate.minimum is None else f", and reach {spec.gate.minimum:g}"}.
"""


def _rule(spec: ModelSpec) -> str:
    sure = f"at a level of {spec.gate.level:g}"
    if spec.gate.rule == "refresh":
        return f"not be worse than the champion by more than {spec.gate.margin:g}, {sure},"
    return f"beat the champion{f' by more than {spec.gate.margin:g}' if spec.gate.margin else ''}, {sure},"
