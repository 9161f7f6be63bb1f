"""MLflow's own way to a version: `mlflow.pyfunc.load_model(...)` and `mlflow models serve` answer as the API does.

The MLmodel file of a version names this module as the loader of its python_function flavour. `frames` reads the cells
of a DataFrame by the grammar that the version was trained by, `answers` makes a DataFrame of what the version says.
Nothing is unpickled; each file is checked against `mlyard.json` first.
"""

from pathlib import Path
from typing import Any

from mlyard_shared.columns import GRAMMARS
from mlyard_shared.engines import OpenVersion, open_version
from mlyard_shared.errors import MlyardError, ModelFailed
from mlyard_shared.pyfunc import answers, frames

LOADER = __name__
"""What MLmodel names."""

_OF_MLFLOW = frozenset({"registered_model_meta"})
"""What MLflow itself puts beside the files of a version that it has fetched from a registry."""


class PythonFunction:
    """A version, for `mlflow.pyfunc`."""

    def __init__(self, version: OpenVersion) -> None:
        """Answer by this version."""
        self._version = version

    def predict(self, model_input: Any) -> Any:
        """Answer for the rows of a pandas DataFrame, with a DataFrame of the same index, whose columns `answers` tells.

        Columns that the model does not know are left alone.

        Raises:
            mlflow.exceptions.MlflowException: a cell breaks the model's schema, or there is no answer for a row.
        """
        from mlflow.exceptions import MlflowException

        manifest = self._version.manifest
        try:
            columns = frames.columns(model_input, manifest.input_schema, GRAMMARS[manifest.grammar])
            found = self._version.predict(columns)
        except ModelFailed as error:
            raise MlflowException(f"{manifest.model} failed: {error}") from error
        except MlyardError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        return answers.frame(found, model_input.index)


def _load_pyfunc(path: str) -> PythonFunction:
    """Open the version in a folder: MLflow calls this.

    Raises:
        ModelVersionRefused: a file is not as registered, or nothing here can run it.
    """
    return PythonFunction(open_version(Path(path), beside=_OF_MLFLOW))
