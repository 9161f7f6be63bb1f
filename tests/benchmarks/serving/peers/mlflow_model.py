"""MLflow's scoring server: fit, save, serve. `python mlflow_model.py PORT FOLDER KIND`."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import mlflow
import pandas as pd
from table import COLUMNS, fitted, table


def main(port: str, folder: str, kind: str) -> None:
    """Become MLflow's own command."""
    place = Path(folder) / f"mlflow-{kind}"
    matrix, _ = table()
    example = pd.DataFrame(matrix[:5], columns=COLUMNS)
    pipeline = fitted(kind)
    signature = mlflow.models.infer_signature(example, pipeline.predict(matrix[:5]))
    mlflow.sklearn.save_model(
        pipeline, place, signature=signature, pip_requirements=[], serialization_format="cloudpickle"
    )
    command = ["mlflow", "models", "serve", "-m", str(place), "--env-manager", "local", "-p", port, "--workers", "1"]
    os.execv(sys.executable, [sys.executable, "-m", *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
