"""The entry of `mlyard-mlflow-server`, also as `python -m mlyard_mlflow_server`."""

import sys

from mlyard_shared.errors import MlyardError


def main() -> None:
    """Run the command: a mistake of the user's is one sentence and exit code 1."""
    try:
        if sys.argv[1:] == ["check"]:
            # A container asks for this every few seconds: it does without click, which takes longer than the answer.
            from mlyard_mlflow_server.health import report

            report()
        else:
            from mlyard_mlflow_server.cli import cli

            cli(prog_name="mlyard-mlflow-server")
    except MlyardError as error:
        sys.exit(f"mlyard-mlflow-server: {error}")


if __name__ == "__main__":
    main()
