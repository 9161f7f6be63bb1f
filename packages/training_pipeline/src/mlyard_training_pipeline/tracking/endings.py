"""How a training ends that did not come to its end."""

from mlyard_training_pipeline.tracking.context import Context


def abandon(context: Context, model: str, run_key: str) -> None:
    """Mark a training that did not end as failed, with every candidate that was under way. Others stay as they are."""
    run = context.tracking.find_training(model, run_key)
    if run is not None and run.info.status == "RUNNING":
        for child in context.tracking.children(run):
            if child.info.status == "RUNNING":
                context.tracking.end(child.info.run_id, "FAILED")
        context.tracking.end(run.info.run_id, "FAILED")
