"""What an engine answers, with what is wrong with it as an error that a request can meet."""

from collections.abc import Mapping

from mlyard_shared import errors
from mlyard_shared.engines import Engine, Output, checks
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest

from mlyard_model_api.errors import ModelFailed, NotComputable
from mlyard_model_api.serving.batches import count


def predict(engine: Engine, manifest: Manifest, columns: Mapping[str, Array]) -> Output:
    """Answer for n rows: class indices or finite float64 [n], and probabilities [n, classes] or None.

    Raises:
        ModelFailed: the engine fails, or answers what no such model can.
        NotComputable: the answer for a row is not finite.
    """
    try:
        return checks.predict(engine, manifest, columns, rows=count(columns))
    except errors.NotComputable as error:
        raise NotComputable(str(error), row=error.row) from error
    except errors.ModelFailed as error:
        raise ModelFailed(str(error)) from error.__cause__
