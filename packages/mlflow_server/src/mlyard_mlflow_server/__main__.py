"""`python -m mlyard_mlflow_server` is `mlyard-mlflow-server`."""

from mlyard_mlflow_server.cli import main

main()
