from typing import Any

import pytest
from mlyard_shared.schema import Column, DateExpansion, Schema
from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.candidates.parameters import resolve

ENCODING = Encoding(
    Schema(
        columns=(
            Column(name="colour", type="category", nullable=True, categories=("blue", "red")),
            Column(name="size", type="number", nullable=False),
            Column(name="seen", type="datetime", nullable=False),
        ),
        dates=(DateExpansion(column="seen", parts=("month", "day")),),
    )
)


@pytest.mark.parametrize(
    ("classes", "given", "expected"),
    [
        pytest.param(("no", "yes"), {"yes": 2.0}, {1: 2.0}, id="texts"),
        pytest.param((0, 1), {"0": 3, "1": 1}, {0: 3, 1: 1}, id="integers"),
        pytest.param((False, True), {"true": 2}, {1: 2}, id="booleans"),
        pytest.param((False, True), {"True": 2}, {1: 2}, id="booleans of Python"),
        pytest.param((1, 5, 10), {"10": 2}, {2: 2}, id="integers with gaps"),
        pytest.param(("a", "b"), "balanced", "balanced", id="a word of scikit-learn"),
    ],
)
def test_class_weights_are_given_by_the_names_of_the_table(classes: Any, given: Any, expected: Any) -> None:
    assert resolve("class_weight", given, encoding=ENCODING, classes=classes) == expected
    assert resolve("estimator__class_weight", given, encoding=ENCODING, classes=classes) == expected


def test_shares_of_classes_are_put_into_their_order() -> None:
    assert resolve("priors", {"b": 0.25, "a": 0.75}, encoding=ENCODING, classes=("a", "b")) == [0.75, 0.25]
    assert resolve("class_prior", [0.5, 0.5], encoding=ENCODING, classes=("a", "b")) == [0.5, 0.5]


def test_a_class_that_stands_alone_is_its_position() -> None:
    assert resolve("outlier_label", "b", encoding=ENCODING, classes=("a", "b")) == 1
    assert resolve("outlier_label", "most_frequent", encoding=ENCODING, classes=("a", "b")) == "most_frequent"
    assert resolve("constant", 7.5, encoding=ENCODING, classes=()) == 7.5


def test_constraints_are_given_by_the_names_of_columns_and_of_parts_of_dates() -> None:
    assert resolve("monotonic_cst", {"size": 1, "seen.day": -1}, encoding=ENCODING, classes=()) == [1, 0, -1, 0, 0, 0]
    assert resolve("monotonic_cst", {"seen": 1}, encoding=ENCODING, classes=()) == [0, 1, 1, 0, 0, 0]
    groups = [["size", "colour"], ["seen"]]
    assert resolve("interaction_cst", groups, encoding=ENCODING, classes=()) == [[0, 3, 4, 5], [1, 2]]
    assert resolve("interaction_cst", "pairwise", encoding=ENCODING, classes=()) == "pairwise"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        pytest.param("class_weight", {"yess": 2}, "there is no class 'yess'; did you mean 'yes'?", id="class"),
        pytest.param("class_weight", {"7": 2}, "there is no class '7'; there are no, yes", id="class of none"),
        pytest.param("priors", [0.2, 0.3, 0.5], "a share for each of the 2 classes: no, yes", id="too many shares"),
        pytest.param("priors", {"no": 0.2}, "a share for each of the 2 classes: no, yes", id="too few shares"),
        pytest.param("priors", [0.2, 0.3], "must add up to 1, and these add up to 0.5", id="half of the shares"),
        pytest.param("monotonic_cst", {"siez": 1}, "there is no column 'siez'; did you mean 'size'?", id="column"),
        pytest.param("monotonic_cst", {"colour": 1}, "'colour' is a category, which neither rises nor", id="category"),
        pytest.param("monotonic_cst", [1, 0], 'say it by column, as in { "size" = 1 }', id="positions"),
        pytest.param("interaction_cst", [[0, 1]], "name columns in place of positions", id="positions of pairs"),
        pytest.param("categorical_features", [0], "features.types.COLUMN = ", id="native categories"),
    ],
)
def test_a_name_that_the_table_does_not_have_is_an_error(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        resolve(name, value, encoding=ENCODING, classes=("no", "yes"))
    assert message in str(caught.value)
