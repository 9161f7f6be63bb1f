import numpy as np
from mlyard_shared.schema import Column, DateExpansion, Schema
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import preprocessing
from mlyard_training_pipeline.candidates.encoding import Encoding

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
    assert encoding.categories == {0: 3, 4: 3}
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
