"""`mlyard-model-api`, also as `python -m mlyard_model_api`."""

import sys


def main() -> None:
    """Run the command. A container's `check` comes every few seconds, so it is answered before anything is imported."""
    if sys.argv[1:] == ["check"]:
        from mlyard_model_api import check

        check.main()
    else:
        from mlyard_model_api.cli import main as command_line

        command_line()


if __name__ == "__main__":
    main()
