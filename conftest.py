"""For the tests of every package: they begin without the settings of the shell that runs them."""

import os

OWN = ("MLYARD_", "MLFLOW_", "AIRFLOW_", "BACKEND_STORE_URI", "ARTIFACT_ROOT")

for name in [name for name in os.environ if name.startswith(OWN)]:
    del os.environ[name]
