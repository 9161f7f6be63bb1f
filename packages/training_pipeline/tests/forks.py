"""Commands in processes of their own, forked from one that has paid for their imports."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "airflow_client.client",
        "mlyard_training_pipeline.orchestration.client.airflow",
        "mlyard_training_pipeline.orchestration.client.ensure",
        "mlyard_training_pipeline.orchestration.client.shown",
        "mlyard_training_pipeline.orchestration.client.summary",
        "mlyard_training_pipeline.orchestration.commands",
        "mlyard_training_pipeline.orchestration.questions",
        "mlyard_training_pipeline.tracking.runs",
        "mlflow.store.model_registry.sqlalchemy_store",
        "mlflow.store.tracking.sqlalchemy_store",
    ]
)
COMMAND = """
import os, sys
os.chdir(folder)
os.environ.clear()
os.environ.update(environment)
for number, file in ((1, output), (2, errors)):
    os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
sys.argv = ["mlyard-training-pipeline", *arguments]
from mlyard_training_pipeline.__main__ import main
main()
"""


def run(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run the command `mlyard-training-pipeline`, as `subprocess.run` does."""
    with tempfile.TemporaryDirectory() as name:
        output, errors = Path(name, "output"), Path(name, "errors")
        given = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
            "output": str(output),
            "errors": str(errors),
        }
        process = CONTEXT.Process(target=exec, args=(COMMAND, given))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments[0], timeout)
        return subprocess.CompletedProcess(arguments, process.exitcode, output.read_text(), errors.read_text())
