"""Load a scikit-learn pipeline from a skops file without unpickling, against this project's own list of types."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

from mlyard_shared.errors import ModelVersionRefused

TRUSTED_TYPES = (
    "functools.partial",  # of a function that has to be trusted itself: HistGradientBoosting keeps one of check_array
    "numpy.dtype",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.model_selection._split.KFold",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
)
"""Types beyond skops' own list that a registered pipeline may contain. A list stored with a model is never read."""

MAX_UNPACKED_BYTES = 4 * 1024**3


def untrusted_types(file: Path) -> tuple[str, ...]:
    """The types in a skops file that `load_pipeline` would refuse."""
    from skops.io import get_untrusted_types

    return tuple(sorted(set(get_untrusted_types(file=file)) - set(TRUSTED_TYPES)))


def load_pipeline(file: Path, *, also: tuple[str, ...] = ()) -> Any:
    """Load a fitted pipeline.

    Args:
        file: of skops.
        also: types beyond the list that may be read, where what is read is not what is registered.

    Raises:
        ModelVersionRefused: it holds a type outside of the list, unpacks to more than 4 GiB, or is not a skops file.
    """
    from sklearn.exceptions import InconsistentVersionWarning
    from skops.io import load
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        _check_size(file)
        with warnings.catch_warnings():
            # Its caller has compared major and minor; a bugfix release reads what its siblings wrote.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            pipeline = load(file, trusted=[*TRUSTED_TYPES, *also])
    except UntrustedTypesFoundException:
        types = ", ".join(name for name in untrusted_types(file) if name not in also)
        raise ModelVersionRefused(f"{file.name} holds types that are not trusted: {types}") from None
    except ModelVersionRefused:
        raise
    # skops raises whatever its parsers and the constructors of the stored types raise.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelVersionRefused(f"{file.name} cannot be loaded: {type(error).__name__}: {reason}") from error
    if not hasattr(pipeline, "predict"):
        raise ModelVersionRefused(f"{file.name} holds a {type(pipeline).__name__}, which cannot predict")
    return pipeline


def _check_size(file: Path) -> None:
    """Refuse a zip bomb before anything of it is unpacked."""
    with zipfile.ZipFile(file) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MAX_UNPACKED_BYTES:
        raise ModelVersionRefused(f"{file.name} unpacks to {size} bytes, more than {MAX_UNPACKED_BYTES}")
