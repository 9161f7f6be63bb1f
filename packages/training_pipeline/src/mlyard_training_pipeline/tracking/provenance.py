"""What made a run: this package, its revision where it is known, Python and the packages that train."""

import functools
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

PACKAGE = "mlyard.package."
_DISTRIBUTION = "mlyard-training-pipeline"
_PACKAGES = ("mlyard-shared", "scikit-learn", "numpy", "scipy", "pandas", "pyarrow")


@functools.cache
def tags() -> dict[str, str]:
    """The tags of a run: MLflow's own of its source, and one for each package."""
    own = version(_DISTRIBUTION)
    found = {
        "mlflow.source.name": f"{_DISTRIBUTION} {own}",
        "mlflow.source.type": "LOCAL",
        f"{PACKAGE}python": platform.python_version(),
        f"{PACKAGE}{_DISTRIBUTION}": own,
        **{f"{PACKAGE}{name}": version(name) for name in _PACKAGES},
    }
    if (revision := _revision()) is not None:
        found["mlflow.source.git.commit"] = revision
    return found


def _revision() -> str | None:
    """The commit that this code is of, where it lies in a clone of its repository and Git is there to ask."""
    if shutil.which("git") is None:  # MLflow would warn of that
        return None
    from mlflow.utils.git_utils import get_git_commit

    found: str | None = get_git_commit(str(Path(__file__).parent))
    return found
