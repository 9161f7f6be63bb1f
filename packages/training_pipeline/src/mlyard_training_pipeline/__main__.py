"""`python -m mlyard_training_pipeline` is `mlyard-training-pipeline`."""

from mlyard_training_pipeline.cli import main

main()
