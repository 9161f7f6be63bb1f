"""MLflow's tracking server and model registry, configured to run unattended.

Read in the order of a start: `address` and `settings` (what a user may set), `start` (what has to hold), `database`
(brought to MLflow's schemas), `environment` (what MLflow is told), `sign_in` (its accounts), `app` (what is served),
`reader` (who may only read), `health` (whether it answers).
"""
