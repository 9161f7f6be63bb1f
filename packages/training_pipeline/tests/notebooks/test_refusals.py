"""What cannot be taken is said with the reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlyard_shared.decision import Decision
from mlyard_shared.errors import TrainingError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.notebooks import comparison, translation
from pyarrow import parquet
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from .conftest import NUMBERS, TEXTS, columns
from .test_translation import LOGISTIC, fit, numbers, usual

Spec = Callable[..., ModelSpec]
Make = Callable[[ModelSpec], Dataset]


@pytest.mark.parametrize(
    ("pipeline", "reason"),
    [
        pytest.param(usual(Ridge()), "ends in no classifier", id="a regressor"),
        pytest.param(
            make_pipeline(
                ColumnTransformer([("num", numbers(), ["size"]), ("cat", "passthrough", ["code"])]), LOGISTIC
            ),
            r"cat \(FunctionTransformer\) takes 'code', which hold categories: encode them first",
            id="categories as they are",
        ),
        pytest.param(
            make_pipeline(
                ColumnTransformer([("all", OneHotEncoder(handle_unknown="ignore"), ["code", "count"])]), LOGISTIC
            ),
            "all takes 'count' as categories, and the spec as numbers: set types.count = \"category\"",
            id="numbers as categories",
        ),
    ],
)
def test_what_has_no_counterpart_over_codes(
    frame: pd.DataFrame, made: Make, notebook_spec: Spec, pipeline: Any, reason: str
) -> None:
    target = frame["kind"].astype("category").cat.codes if "Ridge" in str(pipeline) else frame["kind"]
    fitted = pipeline.fit(frame[[*NUMBERS, "new", *TEXTS]], target)
    with pytest.raises(TrainingError, match=reason):
        translation.translate(fitted, made(notebook_spec()), "kind")


def test_its_columns_have_to_be_those_of_the_spec(frame: pd.DataFrame, made: Make, notebook_spec: Spec) -> None:
    fitted = make_pipeline(numbers(), LOGISTIC).fit(frame[NUMBERS], frame["kind"])
    with pytest.raises(TrainingError, match="does not take 'new', 'colour', 'code' of the spec's features"):
        translation.translate(fitted, made(notebook_spec()), "kind")
    whole = fit(usual(LOGISTIC), frame)
    data = made(notebook_spec(features={"leave_out": ["amount", "size"]}))
    with pytest.raises(TrainingError, match="takes 'size', which the spec's features do not have"):
        translation.translate(whole, data, "kind")
    nameless = make_pipeline(numbers(), LOGISTIC).fit(frame[NUMBERS].to_numpy(), frame["kind"])
    with pytest.raises(TrainingError, match="fitted without names of columns"):
        translation.translate(nameless, data, "kind")


def test_its_classes_have_to_be_those_of_the_table(frame: pd.DataFrame, made: Make, notebook_spec: Spec) -> None:
    fitted = fit(usual(LOGISTIC), frame.assign(kind=frame["kind"].replace("small", "tiny")))
    with pytest.raises(TrainingError, match="'tiny' of it is not in the table; 'small' of the table is unknown to it"):
        translation.translate(fitted, made(notebook_spec()), "kind")


def test_it_has_to_take_every_category_of_the_table(frame: pd.DataFrame, made: Make, notebook_spec: Spec) -> None:
    strict = usual(LOGISTIC, texts=OneHotEncoder())
    fitted = fit(strict, frame[frame["colour"] != "red"])
    with pytest.raises(TrainingError, match=r"does not take every value of 'colour' .*'red'"):
        translation.translate(fitted, made(notebook_spec()), "kind")
    fitted = fit(strict, frame)
    with pytest.raises(TrainingError, match=r"take unseen\.colour = .accept. out of it"):
        translation.translate(fitted, made(notebook_spec(features={"unseen": {"colour": "accept"}})), "kind")


def test_labels_by_a_threshold_need_it_in_the_spec(
    frame: pd.DataFrame, mixed: Callable[..., dict[str, list[Any]]], notebook_spec: Spec, tmp_path: Path
) -> None:
    two = columns(mixed)
    two["kind"] = ["no" if kind == "small" else "yes" for kind in two["kind"]]
    parquet.write_table(pa.table(two), tmp_path / "two.parquet")
    data = dataset.store.make(tmp_path / "two.parquet", tmp_path, notebook_spec())
    original = fit(usual(LOGISTIC), frame.assign(kind=two["kind"]))
    found = translation.translate(original, data, "kind")
    threshold = FixedThresholdClassifier(original, threshold=0.2).fit(frame[[*NUMBERS, "new", *TEXTS]], two["kind"])
    args: Any = {"task": "classification", "precision": "float64"}
    with pytest.raises(TrainingError, match=r"give the threshold that it uses as decision\.threshold"):
        comparison.check(threshold, found.pipeline, data, found.names, rule=Decision(), **args)
    rule = Decision(kind="threshold", threshold=0.2)
    assert comparison.check(threshold, found.pipeline, data, found.names, rule=rule, **args) == 240


def test_a_step_that_looks_at_other_rows_is_found_out(frame: pd.DataFrame, made: Make, notebook_spec: Spec) -> None:
    def ranks(values: Any) -> Any:
        return np.argsort(np.argsort(values, axis=0), axis=0)

    fitted = fit(usual(LOGISTIC), frame)
    data = made(notebook_spec())
    found = translation.translate(fitted, data, "kind")
    original = make_pipeline(FunctionTransformer(lambda rows: rows.assign(size=ranks(rows["size"].to_numpy()))), fitted)
    args: Any = {"task": "classification", "precision": "float64", "rule": Decision()}
    with pytest.raises(TrainingError, match=r"its probabilities differ in .* rows from the pipeline's own"):
        comparison.check(original, found.pipeline, data, found.names, **args)
