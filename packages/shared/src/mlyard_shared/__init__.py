"""Contracts between the services of mlyard, and their access to MLflow.

Read in the order of the flow: `spec` (what a user writes), `snapshot` (what a run trained on), `columns` and `cells`
(what a cell may hold), `schema` and `features` (what a model takes), `decision` (from its scores to a label), `gate`
(why it may serve), `manifest` and `pipelines` (what is registered), `engines` (what runs it), `registry` (where),
`pyfunc` (MLflow's own way to it).
"""
