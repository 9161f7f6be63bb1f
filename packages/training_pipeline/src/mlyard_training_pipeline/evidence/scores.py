"""Every score of a candidate as one table: each fold of each setting that was tried."""

import json
from collections.abc import Sequence
from typing import Any

from mlyard_training_pipeline.candidates.search.bench import Result


def table(results: Sequence[Result]) -> dict[str, list[Any]]:
    """The columns of the table. A setting has the number that it has in `search.json`, and folds count from 1."""
    metrics = tuple(dict.fromkeys(name for result in results for name in result.scores))
    columns: dict[str, list[Any]] = {
        name: [] for name in ("setting", "parameters", "share of the rows", "fold", *metrics)
    }
    for result in results:
        for fold in range(max(map(len, result.scores.values()), default=0)):
            columns["setting"].append(result.number)
            columns["parameters"].append(json.dumps(result.parameters, ensure_ascii=False))
            columns["share of the rows"].append(result.share)
            columns["fold"].append(fold + 1)
            for name in metrics:
                found = result.scores.get(name)
                columns[name].append(None if found is None else found[fold])
    return columns
