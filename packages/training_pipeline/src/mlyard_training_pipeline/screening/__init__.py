"""What a table holds that a model should not learn from, or cannot be judged on: each finding told once, all together.

Read in the order of the data: `identifiers` (columns of the snapshot that tell rows apart), `giveaways` (columns that
give the target away), `screen` (all of them for one spec).
"""

from mlyard_training_pipeline.screening.screen import Finding, screen

__all__ = ["Finding", "screen"]
