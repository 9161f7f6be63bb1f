from collections.abc import Callable
from typing import Any

import numpy as np
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.data.reference import BINS, feature_reference

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]
Made = Callable[[Any, ModelSpec], Dataset]


def test_the_reference_counts_every_training_row(made: Made, spec: Spec, mixed: Mixed) -> None:
    found = made(mixed(), spec())
    references = {reference.column: reference for reference in feature_reference(found)}
    for reference in references.values():
        assert reference.rows == (~found.held_out).sum()
        assert sum(reference.counts) + reference.missing == reference.rows
    assert len(references["size"].counts) == BINS
    assert references["new"].edges == (0.0, 0.5, 1.0)
    assert references["colour"].categories == ("blue", "green", "red")
    assert references["seen"].edges[0] >= 19_723  # 2024-01-01, in days since 1970


def test_counts_are_numpys_histogram_of_the_same_edges(made: Made, spec: Spec, mixed: Mixed) -> None:
    found = made(mixed(), spec())
    training = ~found.held_out
    for reference in feature_reference(found):
        values = found.columns(training)[reference.column]
        if reference.edges and reference.column != "seen":
            known = values[~np.isnan(values)]
            assert reference.counts == tuple(np.histogram(known, reference.edges)[0].tolist())
        if reference.categories:
            assert reference.counts == tuple(int((values == text).sum()) for text in reference.categories)
            assert reference.missing == sum(value is None for value in values)


def test_few_different_numbers_have_a_bin_each(made: Made, spec: Spec, mixed: Mixed) -> None:
    found = made(mixed() | {"count": [str(row % 3) for row in range(240)]}, spec())
    reference = {reference.column: reference for reference in feature_reference(found)}["count"]
    assert reference.edges == (0.0, 0.5, 1.5, 2.0)
