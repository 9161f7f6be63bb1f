"""`python -m mlyard_model_api` is `mlyard-model-api`."""

from mlyard_model_api.cli import main

main()
