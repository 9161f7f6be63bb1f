"""The folder of an MLflow model, as MLflow's own `save_model` writes one: so that its pages and loaders work on it.

Its python_function is ours, over the columns of a table; its flavour of scikit-learn or ONNX is the engine itself, over
the matrix of inputs. Written by hand, since MLflow's own dumps the pipeline twice, loads it again and looks through
every installed package: 1.4 to 2.4 s of processor time for a forest, and other bytes each time.
"""

import platform
import uuid
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version as installed
from pathlib import Path

from mlyard_shared.manifest import MODEL_FILE, ONNX_FILE
from mlyard_shared.pipelines import TRUSTED_TYPES
from mlyard_shared.pyfunc import LOADER

from mlyard_training_pipeline.versions import signature
from mlyard_training_pipeline.versions.signature import Interface

_REQUIRED = (
    "mlflow-skinny",
    "mlyard-shared[models]",
    "numpy",
    "onnxruntime",
    "pandas",
    "scikit-learn",
    "scipy",
    "skops",
)
"""What MLflow's function of a version needs."""
_CONDA, _VIRTUALENV, _REQUIREMENTS = "conda.yaml", "python_env.yaml", "requirements.txt"


def write(
    folder: Path,
    interface: Interface,
    *,
    run_id: str,
    created_at: datetime,
    whole: bool = True,
    packages: Mapping[str, str] | None = None,
) -> None:
    """Describe the `model.skops` in a folder as an MLflow model, or where that is not whole, the `model.onnx`.

    Args:
        folder: where they are.
        interface: what the version takes and answers.
        run_id: the training, of which the model's id is made.
        created_at: when the pipeline was fitted.
        whole: whether `model.skops` holds the whole model.
        packages: further distributions that made it, with their versions.
    """
    names = _REQUIRED if whole else (*_REQUIRED, "onnx")
    requirements = [f"{name}=={installed(name.partition('[')[0])}" for name in names]
    requirements += [f"{name}=={version}" for name, version in (packages or {}).items()]
    python = platform.python_version()
    listed = "".join(f"  - {requirement}\n" for requirement in requirements)
    (folder / _REQUIREMENTS).write_text("\n".join(requirements) + "\n")
    (folder / _CONDA).write_text(
        f"channels:\n- conda-forge\ndependencies:\n- python={python}\n- pip\n- pip:\n{listed}name: mlflow-env\n"
    )
    (folder / _VIRTUALENV).write_text(
        f"python: {python}\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r {_REQUIREMENTS}\n"
    )
    _write_model(folder, interface, run_id, created_at, python, whole=whole)


def _write_model(
    folder: Path, interface: Interface, run_id: str, created_at: datetime, python: str, *, whole: bool
) -> None:
    from mlflow.models.model import MLMODEL_FILE_NAME, Model

    model = Model(
        signature=signature.signature(interface),
        saved_input_example_info=signature.write_example(folder, interface.schema),
        utc_time_created=created_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
        model_uuid=uuid.uuid5(uuid.NAMESPACE_OID, run_id).hex,
        model_size_bytes=(folder / (MODEL_FILE if whole else ONNX_FILE)).stat().st_size,
    )
    env = {"conda": _CONDA, "virtualenv": _VIRTUALENV}
    model.add_flavor("python_function", env=env, python_version=python, loader_module=LOADER)
    if whole:
        model.add_flavor(
            "sklearn",
            pickled_model=MODEL_FILE,
            sklearn_version=installed("scikit-learn"),
            serialization_format="skops",
            code=None,
            skops_trusted_types=list(TRUSTED_TYPES),
        )
    else:
        providers = ["CPUExecutionProvider"]
        model.add_flavor("onnx", onnx_version=installed("onnx"), data=ONNX_FILE, providers=providers, code=None)
    model.save(str(folder / MLMODEL_FILE_NAME))
