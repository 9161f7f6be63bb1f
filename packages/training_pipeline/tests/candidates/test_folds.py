import re
from collections.abc import Callable
from typing import Any

import numpy as np
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import folds
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]
TIMED = {"event_time": "at", "key": [], "features": {"leave_out": ["id"]}}
GROUPED = {"group": "site", "key": [], "features": {"leave_out": ["id"]}}


def table(count: int = 200, **columns: Any) -> dict[str, list[Any]]:
    draw = np.random.default_rng(3)
    kinds = [str(kind) for kind in draw.choice(["large", "small"], count)]
    days = np.datetime64("2024-01-01") + np.arange(count).astype("timedelta64[D]")
    made: dict[str, list[Any]] = {
        "id": [str(row) for row in range(count)],
        "size": draw.normal(size=count).tolist(),
        "kind": kinds,
        "at": [str(day) for day in days],
        "site": [f"s{number}" for number in draw.integers(0, 40, count)],
    }
    return made | columns


def plain(spec: Spec, **changes: Any) -> ModelSpec:
    chosen = {"key": ["id"], "features": {"leave_out": ["at", "site"]}, **changes}
    if "group" in chosen or "event_time" in chosen:
        own = {"group": "at", "event_time": "site"}[next(key for key in ("group", "event_time") if key in chosen)]
        chosen["features"] = {"leave_out": ["id", own]}
    return spec(**chosen)


def test_every_fold_of_a_classification_has_every_class(spec: Spec, made: Make) -> None:
    dataset = made(table(), plain(spec))
    target = dataset.target[~dataset.held_out]
    for fit, test in folds.splits(plain(spec), dataset):
        assert set(target[test]) == set(target[fit]) == {0, 1}


def test_no_group_is_on_both_sides_of_a_fold_and_every_class_in_each(spec: Spec, made: Make) -> None:
    chosen = plain(spec, **GROUPED)
    dataset = made(table(), chosen)
    assert dataset.groups is not None
    groups, target = dataset.groups[~dataset.held_out], dataset.target[~dataset.held_out]
    for fit, test in folds.splits(chosen, dataset):
        assert not set(groups[fit]) & set(groups[test])
        assert set(target[test]) == set(target[fit]) == {0, 1}


def test_a_class_that_few_groups_have_is_spread_over_the_folds(spec: Spec, made: Make) -> None:
    sites = [f"s{row // 10:02}" for row in range(600)]
    kinds = ["rare" if site in ("s03", "s11", "s19", "s27", "s35", "s43", "s51") else "plain" for site in sites]
    chosen = plain(spec, **GROUPED, metric="roc_auc")
    dataset = made(table(600, site=sites, kind=kinds), chosen)
    assert folds.problems(chosen, dataset) == []
    target = dataset.target[~dataset.held_out]
    for fit, test in folds.splits(chosen, dataset):
        assert set(target[test]) == set(target[fit]) == {0, 1}


def test_groups_of_a_regression_are_kept_together(regression: Spec, made: Make) -> None:
    columns = table() | {"kind": np.random.default_rng(1).normal(size=200).tolist()}
    chosen = plain(regression, target="kind", **GROUPED)
    dataset = made(columns, chosen)
    assert dataset.groups is not None
    groups = dataset.groups[~dataset.held_out]
    for fit, test in folds.splits(chosen, dataset):
        assert not set(groups[fit]) & set(groups[test])


def test_with_an_event_time_every_test_row_is_later_than_what_was_trained_on(spec: Spec, made: Make) -> None:
    chosen = plain(spec, **TIMED)
    shuffled = np.random.default_rng(5).permutation(200)
    columns = {name: [values[row] for row in shuffled] for name, values in table().items()}
    dataset = made(columns, chosen)
    assert dataset.order is not None
    order = dataset.order[~dataset.held_out]
    for fit, test in folds.splits(chosen, dataset):
        assert order[fit].max() < order[test].min()


def test_rows_of_one_moment_stay_on_one_side_of_a_fold(spec: Spec, made: Make) -> None:
    chosen = plain(spec, **TIMED)
    # Three rows in four are of one moment each ten days.
    days = [
        str(np.datetime64("2024-01-01") + np.timedelta64(10 * (row // 20) + max(0, row % 20 - 15), "D"))
        for row in range(200)
    ]
    dataset = made(table(at=days), chosen)
    assert dataset.order is not None
    order = dataset.order[~dataset.held_out]
    made_folds = folds.splits(chosen, dataset)
    assert len(made_folds) == chosen.folds
    for fit, test in made_folds:
        assert order[fit].max() < order[test].min()
    tested = np.concatenate([test for _, test in made_folds])
    assert len(np.unique(tested)) == len(tested)


def test_fewer_moments_than_folds_is_a_sentence_that_says_how_many_there_may_be(spec: Spec, made: Make) -> None:
    days = [str(np.datetime64("2024-01-01") + np.timedelta64(row // 40, "D")) for row in range(200)]
    chosen = plain(spec, **TIMED, folds=5)
    assert folds.problems(chosen, made(table(at=days), chosen)) == [
        "folds: the training rows are of 4 moments, and 5 folds need 6: say folds = 3, or bring more rows"
    ]


def test_fewer_groups_than_folds_is_a_sentence_that_says_how_many_there_may_be(spec: Spec, made: Make) -> None:
    sites = [f"s{row % 10}" for row in range(200)]
    chosen = plain(spec, **GROUPED, folds=9, holdout={"fraction": 0.4})
    found = folds.problems(chosen, made(table(site=sites), chosen))
    assert len(found) == 1
    assert re.fullmatch(
        r"folds: the training rows are of (\d) groups, and 9 folds need 9: say folds = \1, or bring more rows", found[0]
    )


def test_a_class_that_first_appears_late_is_a_sentence_with_the_class_and_the_fold(spec: Spec, made: Make) -> None:
    kinds = ["late" if row > 120 and row % 2 else "small" for row in range(200)]
    chosen = plain(spec, **TIMED, folds=5)
    (found,) = folds.problems(chosen, made(table(kind=kinds), chosen))
    assert found == (
        "folds: fold 1 of 5 has no row of class 'late' to train on (folds follow one another by 'at'), and fewer folds "
        "do not help: bring more rows of the class, or leave out rows from long before its first one"
    )


def test_a_fold_without_a_class_matters_to_metrics_that_need_every_class_alone(spec: Spec, made: Make) -> None:
    # Both classes come first, then one of them, and both again at the end.
    kinds = ["large" if (row < 40 or row > 150) and row % 3 == 0 else "small" for row in range(200)]
    columns = table(kind=kinds)
    counted = plain(spec, **TIMED)
    assert folds.problems(counted, made(columns, counted)) == []
    ranked = plain(spec, **TIMED, metric="roc_auc")
    (found,) = folds.problems(ranked, made(columns, ranked))
    assert "has no row of class 'large' to judge on, which roc_auc needs" in found
    assert 'say metric = "accuracy"' in found


def test_groups_that_keep_a_class_to_themselves_are_a_sentence(spec: Spec, made: Make) -> None:
    sites = [f"s{row // 10:02}" for row in range(600)]
    kinds = ["rare" if site in ("s03", "s11", "s19", "s27") else "plain" for site in sites]
    chosen = plain(spec, **GROUPED, metric="roc_auc", folds=5, holdout={"fraction": 0.5})
    (found,) = folds.problems(chosen, made(table(600, site=sites, kind=kinds), chosen))
    assert "class 'rare'" in found
    assert "(all rows of one 'site' are in one fold)" in found


def test_splits_are_the_same_each_time(spec: Spec, made: Make) -> None:
    dataset = made(table(), plain(spec))
    first, second = folds.splits(plain(spec), dataset), folds.splits(plain(spec), dataset)
    assert all((a[1] == b[1]).all() for a, b in zip(first, second, strict=True))


def test_no_fold_trains_within_the_embargo_before_what_it_is_judged_on(spec: Spec, made: Make) -> None:
    chosen = plain(spec, **TIMED, holdout={"embargo": "7d"})
    dataset = made(table(), chosen)
    assert dataset.order is not None
    week = 7 * 86_400_000_000
    order = dataset.order[dataset.training]
    for fit, test in folds.splits(chosen, dataset):
        assert order[test].min() - order[fit].max() == week
    assert dataset.order[dataset.held_out].min() - order.max() == week
    assert dataset.held_out.sum() + dataset.training.sum() == dataset.rows - 6


def test_an_embargo_that_leaves_a_fold_no_row_is_a_sentence(spec: Spec, made: Make) -> None:
    chosen = plain(spec, **TIMED, holdout={"embargo": "5w"})
    (problem,) = folds.problems(chosen, made(table(), chosen))
    assert "holdout.embargo leaves fold 1 of" in problem
