"""Model versions: what the pipeline registers, and the champion that it compares with.

`skops_file` and `mlflow_folder` write what scikit-learn and MLflow load, `onnx` makes the twin, `packaging` the whole
folder with its manifest, and `champion` asks a version for its answers as the API would.
"""
