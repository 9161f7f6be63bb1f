"""`mlyard-training-pipeline`, also as `python -m mlyard_training_pipeline`."""

import os
import sys

from mlyard_training_pipeline.orchestration.processes import health


def main() -> None:
    """Run the command. A container's `check` comes every few seconds, so it is answered before anything is imported."""
    match sys.argv[1:]:
        case ["check"]:
            _check(None)
        case ["check", process] if process in health.CHECKS:
            _check(process)
        case _:
            from mlyard_training_pipeline.cli import main as command_line

            command_line()


def _check(process: str | None) -> None:
    try:
        print(health.check(process, os.environ))  # noqa: T201
    except health.Unhealthy as error:
        sys.exit(f"mlyard-training-pipeline: {error}")


if __name__ == "__main__":
    main()
