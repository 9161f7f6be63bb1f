from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec import Candidate, Features
from mlyard_training_pipeline.candidates import categories, estimators, preprocessing
from mlyard_training_pipeline.candidates.encoding import Levels

HISTOGRAM = "sklearn.ensemble.HistGradientBoostingClassifier"
FOREST = "sklearn.ensemble.RandomForestClassifier"
LINEAR = "sklearn.linear_model.LogisticRegression"
NETWORK = "sklearn.neural_network.MLPClassifier"


def schema_of(counts: list[int], *, nullable: bool = False) -> Schema:
    found = [
        Column(name=f"c{number}", type="category", nullable=nullable, categories=tuple(map(str, range(count))))
        for number, count in enumerate(counts)
    ]
    return Schema(columns=(Column(name="size", type="number", nullable=False), *found))


def levels(path: str, count: int, *, classes: int = 2, features: Features | None = None, **changes: Any) -> Levels:
    candidate = Candidate.model_validate({"name": "a", "estimator": path, **changes})
    made = estimators.prototype(candidate)
    return categories.levels(schema_of([count]), features or Features(), candidate, made, classes=classes)["c0"]


@pytest.mark.parametrize(
    ("path", "count", "expected"),
    [
        pytest.param(HISTOGRAM, 255, Levels("native", 255, 255), id="as many as it takes"),
        pytest.param(HISTOGRAM, 256, Levels("native", 256, 255), id="the rarest are one"),
        pytest.param(HISTOGRAM, 1000, Levels("native", 1000, 255), id="hundreds"),
        pytest.param(HISTOGRAM, 1001, Levels("target", 1001, 1001), id="thousands"),
        pytest.param(FOREST, 1000, Levels("one_hot", 1000, 1000), id="columns for trees"),
        pytest.param(FOREST, 1001, Levels("target", 1001, 1001), id="thousands for trees"),
        pytest.param(NETWORK, 1001, Levels("target", 1001, 1001), id="thousands for a network"),
        pytest.param(LINEAR, 20_000, Levels("one_hot", 20_000, 20_000), id="a sparse weight for each"),
    ],
)
def test_the_encoding_follows_from_the_estimator_and_the_levels(path: str, count: int, expected: Levels) -> None:
    assert levels(path, count) == expected


@pytest.mark.parametrize(
    "changes",
    [{"parameters": {"max_bins": 30}}, {"grid": {"max_bins": [200, 30]}}],
    ids=["parameter", "grid"],
)
def test_an_estimator_of_fewer_bins_takes_fewer_levels(changes: dict[str, Any]) -> None:
    assert levels(HISTOGRAM, 40, **changes) == Levels("native", 40, 30)


def test_many_classes_have_no_means() -> None:
    assert levels(HISTOGRAM, 5000, classes=11) == Levels("native", 5000, 255)
    assert levels(FOREST, 5000, classes=11) == Levels("one_hot", 5000, 5000)
    assert levels(FOREST, 5000, classes=0).encoding == "target"


def test_what_the_spec_says_holds() -> None:
    assert levels(HISTOGRAM, 40, features=Features(encoding={"c0": "one_hot"})).encoding == "one_hot"
    assert levels(HISTOGRAM, 40, features=Features(encoding={"c0": "target"})).encoding == "target"
    assert levels(FOREST, 40, features=Features(levels={"c0": 10})) == Levels("one_hot", 40, 10)
    assert levels(HISTOGRAM, 40, features=Features(levels={"c0": 300})) == Levels("native", 40, 40)
    assert levels(HISTOGRAM, 400, features=Features(levels={"c0": 300})) == Levels("native", 400, 255)


def test_an_estimator_that_takes_no_categories_is_told_so() -> None:
    candidate, features = Candidate(name="a", estimator=FOREST), Features(encoding={"c0": "native"})
    (problem,) = categories.problems(schema_of([3]), features, candidate, estimators.prototype(candidate))
    assert "features.encoding.c0" in problem
    assert 'say "one_hot" or "target"' in problem
    histogram = Candidate(name="a", estimator=HISTOGRAM)
    assert categories.problems(schema_of([3]), features, histogram, estimators.prototype(histogram)) == []


def test_people_are_told_what_becomes_of_each_category() -> None:
    found = {"a": Levels("native", 3, 3), "b": Levels("target", 3000, 3000), "c": Levels("native", 400, 255)}
    assert categories.summary(found) == (
        "categories as they are: a, c (the rarest of 400 levels are one); means of the target: b"
    )


COUNTS = st.lists(st.integers(2, 12), min_size=1, max_size=3)
ENCODINGS = st.sampled_from(["native", "one_hot", "target"])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_column_is_where_the_encoding_says_and_every_level_keeps_its_own(data: st.DataObject) -> None:
    counts, nullable = data.draw(COUNTS), data.draw(st.booleans())
    schema = schema_of(counts, nullable=nullable)
    names = [column.name for column in schema.columns[1:]]
    said = data.draw(st.dictionaries(st.sampled_from(names), ENCODINGS))
    kept = data.draw(st.dictionaries(st.sampled_from(names), st.integers(2, 14)))
    features = Features(encoding=said, levels={name: at for name, at in kept.items() if said.get(name) != "target"})
    candidate, classes = Candidate(name="a", estimator=HISTOGRAM), ("x", "y", "z")[: data.draw(st.sampled_from([2, 3]))]
    rows = 200
    draw = np.random.default_rng(data.draw(st.integers(0, 10)))
    codes = [draw.integers(0, count + nullable, rows) for count in counts]
    matrix = np.column_stack([draw.normal(size=rows), *codes]).astype(np.float64)
    target = draw.integers(0, len(classes), rows)
    encoding = preprocessing.encoding_of(candidate, schema, features=features, classes=classes)
    pipeline = preprocessing.pipeline(candidate, schema, classes=classes, features=features)
    first = pipeline[0]
    made = matrix if first == "passthrough" else np.asarray(first.fit(matrix, target).transform(matrix))
    assert made.shape[1] == encoding.width
    assert np.array_equal(made[:, encoding.encoded["size"][0]], matrix[:, 0])
    for number, name in enumerate(names):
        own, level = made[:, list(encoding.encoded[name])], encoding.levels[name]
        # What a row gets depends on its code alone, and at most so many codes stay apart.
        found = {
            code: {tuple(row) for row in own[matrix[:, number + 1] == code]} for code in set(matrix[:, number + 1])
        }
        assert all(len(rows) == 1 for rows in found.values())
        if level.encoding != "target":
            assert len({next(iter(rows)) for rows in found.values()}) == min(len(found), level.kept)
    if native := encoding.native:
        assert pipeline[-1].categorical_features == list(native)
        assert all((made[:, place] % 1 == 0).all() for place in native)
