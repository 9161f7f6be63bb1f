"""The errors of the orchestration; all of them are `MlyardError`s.

MlyardError
├── CannotStart          the machine lacks what the settings ask for
├── DatabaseError        Airflow's database cannot be used
├── NothingToTrain       the folder of models holds no spec
├── AirflowUnavailable   no answer from Airflow, try again later
├── AirflowDenied        Airflow refused the account
└── NotInAirflow         Airflow has no such DAG, run or task, or cannot use it
"""

from mlyard_shared.errors import MlyardError

from mlyard_training_pipeline.settings import PREFIX


class CannotStart(MlyardError):
    """The machine lacks what the settings ask for."""


class DatabaseError(MlyardError):
    """Airflow's database cannot be used."""


class NothingToTrain(MlyardError):
    """The folder of models holds no spec."""

    def __init__(self, models: str) -> None:
        super().__init__(
            f"there is no model spec in {models}: put one there, in it or one level below, which is then trained by "
            f"itself, or set {PREFIX}MODELS (of a whole stack: MLYARD_MODELS) to the folder of yours"
        )


class AirflowUnavailable(MlyardError):
    """No answer from Airflow: the same call may work later."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(f"no answer from Airflow at {url} ({cause}): start it, or set {PREFIX}AIRFLOW_URL")


class AirflowDenied(MlyardError):
    """Airflow refused the account."""


class NotInAirflow(MlyardError):
    """Airflow has no such DAG, run or task, or cannot use it as it is."""
