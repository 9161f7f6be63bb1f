"""The training DAG of a spec: the steps in order, the candidates side by side."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, task
from mlyard_shared.spec import ModelSpec, read_spec

from mlyard_training_pipeline.orchestration import tasks
from mlyard_training_pipeline.orchestration.environment import PROMOTION_POOL

RUN_KEY = "{{ run_id }}"

RETRIES: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=2),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(seconds=30),
}
"""About a minute in all: what a registry takes to come back."""


def training_dag(spec_file: Path) -> DAG:
    """Return the DAG of a spec.

    Raises:
        SpecError: the spec is wrong.
    """
    spec = read_spec(spec_file)
    with DAG(
        dag_id=spec.name,
        schedule=spec.schedule,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args=RETRIES,
        on_failure_callback=tasks.abandon,
        tags=["mlyard", spec.task],
        description=f"{spec.task} of {spec.target}",
        doc_md=_documentation(spec, spec_file),
    ) as dag:
        run = task(tasks.extract)(spec_file=str(spec_file), run_key=RUN_KEY)
        candidates = task(tasks.validate)(run)
        train = task(map_index_template="{{ task.op_kwargs['candidate'] }}")(tasks.train)
        trained = train.partial(run=run).expand(candidate=candidates)
        evaluation = task(tasks.evaluate)(run, trained)
        report = task(tasks.gate)(run, evaluation)
        version = task(tasks.register)(run, evaluation, report)
        task(pool=PROMOTION_POOL)(tasks.promote)(run, version, report, actor=f"airflow {RUN_KEY}")
    return dag


def _documentation(spec: ModelSpec, file: Path) -> str:
    candidates = "\n".join(f"- {candidate.name}: `{candidate.estimator}`" for candidate in spec.candidates)
    source = spec.source.path or f"a query over the connection {spec.source.connection}"
    return f"""\
Trains **{spec.name}** ({spec.task} of `{spec.target}`, chosen by {spec.metric}) from {source}, as `{file}` says:

{candidates}

The winner must beat the champion by more than {spec.gate.margin:g} in {spec.metric} on the holdout
({spec.holdout.fraction:.0%} of the rows){"" if spec.gate.minimum is None else f", and reach {spec.gate.minimum:g}"}.
"""
