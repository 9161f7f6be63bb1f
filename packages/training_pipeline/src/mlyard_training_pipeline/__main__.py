"""`mlyard-training-pipeline`, also as `python -m mlyard_training_pipeline`."""

import os
import sys


def main() -> None:
    """Run the command. A container's `check` comes every few seconds, so it is answered before anything is imported."""
    from mlyard_training_pipeline.orchestration import health

    if len(sys.argv) == 3 and sys.argv[1] == "check" and sys.argv[2] in health.CHECKS:
        try:
            print(health.check(sys.argv[2], os.environ))  # noqa: T201
        except health.Unhealthy as error:
            sys.exit(f"mlyard-training-pipeline: {error}")
    else:
        from mlyard_training_pipeline.cli import main as command_line

        command_line()


if __name__ == "__main__":
    main()
