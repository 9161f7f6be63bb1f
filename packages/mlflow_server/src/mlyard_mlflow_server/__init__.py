"""MLflow's tracking server and model registry, configured to run unattended.

Read in the order of a start: `address` and `settings` (what a user may set), `start` (what has to hold), `database`
(brought to MLflow's schemas), `environment` (what MLflow is told), `auth` (its accounts), `app` (what is served),
`guards/` (what stands in front of MLflow), `storage` and `pulse` (whether its places and its database work), `health`
(the command that asks the running server).
"""
