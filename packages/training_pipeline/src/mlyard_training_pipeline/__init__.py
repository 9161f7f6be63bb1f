"""From a table to a gated, registered model: plain training steps, an Airflow DAG around them, and a CLI.

Read in the order of the data: `tracking` (MLflow's runs, and what every step works with), `data` (a table becomes a
Dataset), `candidates` (estimators are searched over folds), `versions` (what is registered, and the champion that is
served), `steps` (what a task does, as plain functions) and `training` (all of them in one process); then
`orchestration` (Airflow around the steps). `notebooks` and `importing` make a version of a pipeline that was fitted
elsewhere, `preview` tells how a spec is understood, `promotions` moves a champion by hand, and `cli` is the command.
"""
