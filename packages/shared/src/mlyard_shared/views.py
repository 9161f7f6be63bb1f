"""Which columns MLflow's list of runs shows of an experiment: written by who makes it, shown by who serves the pages.

MLflow itself shows no metric unless somebody chooses it, and keeps that in their browser. It writes a view that people
share into a tag of the experiment, as JSON; this is one.
"""

import json

VIEW = "mlflow.sharedViewState.scores"
"""The tag."""


def scores(*metrics: str) -> str:
    """The view of an experiment whose runs are trainings: the name, when, these metrics, the table and the version."""
    widths = {
        "attributes.`Run Name`": 320,
        "attributes.`Created`": 150,
        **{f"metrics.`{name}`": 185 for name in metrics},
        "attributes.`Dataset`": 300,
        "attributes.`Models`": 160,
    }
    order = list(widths)
    return json.dumps({"selectedColumns": order[2:], "columnOrder": order, "columnWidths": widths})
