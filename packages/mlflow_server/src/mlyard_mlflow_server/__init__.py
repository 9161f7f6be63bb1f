"""MLflow's tracking server and model registry, configured to run unattended.

Read in the order of a start: `address` and `settings` (what a user may set), `start` (what has to hold), `database`
(brought to MLflow's schemas), `environment` (what MLflow is told), `auth` (its accounts), `app` (what is served),
`read_only` (for the account that only reads), `health` (whether it answers).
"""
