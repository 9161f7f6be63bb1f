import numpy as np
from mlyard_shared.schema import Column, DateExpansion, Schema
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import preprocessing
from mlyard_training_pipeline.candidates.encoding import Encoding, Levels, codes

SCHEMA = Schema(
    columns=(
        Column(name="colour", type="category", nullable=True, categories=("blue", "red")),
        Column(name="size", type="number", nullable=False),
        Column(name="seen", type="datetime", nullable=False),
        Column(name="site", type="category", nullable=False, categories=("a", "b", "c")),
    ),
    dates=(DateExpansion(column="seen", parts=("month", "day")),),
)


def test_numbers_come_first_and_each_category_is_a_column() -> None:
    encoding = Encoding(SCHEMA)
    assert encoding.numbers == (1, 2, 3)
    assert {position: levels.known for position, levels in encoding.categories.items()} == {0: 3, 4: 3}
    assert encoding.width == 9
    assert encoding.encoded == {
        "colour": (3, 4, 5),
        "size": (0,),
        "seen": (1, 2),
        "seen.month": (1,),
        "seen.day": (2,),
        "site": (6, 7, 8),
    }


def test_the_pipeline_puts_columns_where_the_encoding_says() -> None:
    rows = np.array([[2.0, 7.0, 5.0, 30.0, 1.0], [0.0, 8.0, 6.0, 31.0, 2.0]])
    pipeline = preprocessing.pipeline(
        Candidate(name="a", estimator="sklearn.ensemble.RandomForestClassifier"), SCHEMA, rows=2
    )
    encoded = pipeline[0].fit(rows).transform(rows)
    places = Encoding(SCHEMA).encoded
    assert encoded[:, list(places["colour"])].tolist() == [[0, 0, 1], [1, 0, 0]]
    assert encoded[:, list(places["seen"])].tolist() == [[5, 30], [6, 31]]
    assert encoded[:, list(places["site"])].tolist() == [[0, 1, 0], [0, 0, 1]]


def test_categories_that_stay_as_they_are_lie_where_they_were_and_first_for_the_trees() -> None:
    encoding = Encoding(SCHEMA, {"colour": Levels("native", 3, 3), "site": Levels("native", 3, 3)})
    assert encoding.is_plain
    assert (encoding.native, encoding.width, encoding.density) == ((0, 4), 5, 1.0)
    assert encoding.encoded["seen"] == (2, 3)
    assert encoding.grown == {
        "colour": (0,),
        "site": (1,),
        "size": (2,),
        "seen": (3, 4),
        "seen.month": (3,),
        "seen.day": (4,),
    }


def test_each_kind_of_encoding_has_its_place() -> None:
    encoding = Encoding(SCHEMA, {"colour": Levels("target", 3, 3), "site": Levels("native", 3, 2)}, means=4)
    assert not encoding.is_plain
    assert encoding.native == (0,)
    assert {name: encoding.encoded[name] for name in ("site", "size", "seen", "colour")} == {
        "site": (0,),
        "size": (1,),
        "seen": (2, 3),
        "colour": (4, 5, 6, 7),
    }
    assert encoding.width == 8


def test_null_is_a_level_of_its_own() -> None:
    assert [codes(column) for column in SCHEMA.columns if column.type == "category"] == [3, 3]
