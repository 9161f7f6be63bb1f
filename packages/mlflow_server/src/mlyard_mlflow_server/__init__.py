"""MLflow's tracking server and model registry, configured to run unattended.

Read in the order of a start: `address` and `settings` (what a user may set), `start` (what has to hold), `database`
(brought to MLflow's schema), `command` (what is executed), `app` (what MLflow serves), `health` (whether it answers).
"""
