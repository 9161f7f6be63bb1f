"""Writes of what several callers share: an experiment's tag, a table that runs have worked on, an alias."""

import re
from collections.abc import Callable

from mlflow.exceptions import MlflowException

# As SQLite, PostgreSQL and MySQL word a row that is there already.
_DOUBLED = re.compile(r"UNIQUE constraint|duplicate key value|Duplicate entry")


def written(write: Callable[[], object]) -> None:
    """Write to MLflow, and once more where another caller was faster.

    MLflow looks for a row and then enters it, without a lock: of two callers that both found none, its database refuses
    the second, whose next try finds the first one's row.

    Raises:
        MlflowException: as the client does.
    """
    try:
        write()
    except MlflowException as error:
        if not _DOUBLED.search(str(error)):
            raise
        write()
