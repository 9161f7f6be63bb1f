"""What runs a version, wherever that is: the API, the judging of a champion, batch scoring, and MLflow's own loader.

`engine` chooses between a version's ONNX twin and its scikit-learn pipeline, `checks` refuses what no such model can
answer, `conformal` says how sure an answer is, and `version` is all of it for a folder of files: `open_version`.
"""

from mlyard_shared.engines.engine import (
    Engine,
    EngineName,
    OnnxEngine,
    Output,
    SkopsEngine,
    check_scikit_learn,
    choose,
)
from mlyard_shared.engines.version import Answers, OpenVersion, open_version

__all__ = [
    "Answers",
    "Engine",
    "EngineName",
    "OnnxEngine",
    "OpenVersion",
    "Output",
    "SkopsEngine",
    "check_scikit_learn",
    "choose",
    "open_version",
]
