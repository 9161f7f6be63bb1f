"""What a registry has of a model beside its versions: tells a model without a champion from another registry."""

from datetime import UTC, datetime

from mlyard_shared.errors import ModelNotFound, RegistryError
from mlyard_shared.registry.client import Registry
from mlyard_shared.registry.errors import translated, without_password
from mlyard_shared.registry.version import Standing


def standing(registry: Registry, name: str) -> Standing:
    """Ask for a model and the experiment `<model>.promotions`.

    Raises:
        RegistryError: the answer is not that of an MLflow server.
    """
    try:
        with translated(registry.uri):
            model = registry.client.get_registered_model(name)
            made = _moment(registry, model.creation_timestamp, is_it=model.name == name)
    except ModelNotFound:
        made = None
    experiment_name = f"{name}.promotions"
    try:
        with translated(registry.uri):
            experiment = registry.client.get_experiment_by_name(experiment_name)
    except ModelNotFound:
        experiment = None
    if experiment is None:
        return Standing(model=made)
    entered = _moment(registry, experiment.creation_time, is_it=experiment.name == experiment_name)
    return Standing(model=made, promotions=entered)


def _moment(registry: Registry, milliseconds: object, *, is_it: bool) -> datetime:
    if not is_it or not isinstance(milliseconds, int) or milliseconds <= 0:
        raise RegistryError(f"{without_password(registry.uri)} answers something else; is it an MLflow server?")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
