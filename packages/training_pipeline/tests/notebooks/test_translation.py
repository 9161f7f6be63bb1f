import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlyard_shared.decision import Decision
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.schema import InputForm
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import estimators, predictions
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.notebooks import comparison, spec_file, translation
from mlyard_training_pipeline.versions import fitted, packaging
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC

from .conftest import NUMBERS, TEXTS

Spec = Callable[..., ModelSpec]
Make = Callable[[ModelSpec], Dataset]
FLAGS = ["new"]
IGNORING = OneHotEncoder(handle_unknown="ignore")


def numbers() -> Any:
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def usual(model: Any, *, texts: Any = None, flags: Any = None) -> Any:
    """The pipeline of most notebooks."""
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), IGNORING) if texts is None else texts
    flags = (
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(drop="if_binary"))
        if flags is None
        else flags
    )
    return make_pipeline(
        ColumnTransformer([("num", numbers(), NUMBERS), ("cat", texts, TEXTS), ("flag", flags, FLAGS)]), model
    )


LOGISTIC = LogisticRegression(max_iter=1000)
PIPELINES = {
    "usual": lambda: usual(LOGISTIC),
    "null is a category": lambda: usual(LOGISTIC, texts=IGNORING),
    "constant for null": lambda: usual(
        LOGISTIC, texts=make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), IGNORING)
    ),
    "drop the first": lambda: usual(LOGISTIC, texts=OneHotEncoder(drop="first", handle_unknown="ignore")),
    "rare ones together": lambda: usual(
        LOGISTIC, texts=OneHotEncoder(min_frequency=70, handle_unknown="infrequent_if_exist")
    ),
    "ordinal": lambda: usual(
        RandomForestClassifier(10),
        texts=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    ),
    "means of the target": lambda: usual(LOGISTIC, texts=TargetEncoder()),
    "scaled after": lambda: usual(LOGISTIC, texts=make_pipeline(IGNORING, StandardScaler(with_mean=False))),
    "steps after all": lambda: make_pipeline(*[step for _, step in usual(LOGISTIC).steps[:-1]], PCA(4), LOGISTIC),
    "texts and flags together": lambda: make_pipeline(
        ColumnTransformer(
            [
                ("num", numbers(), NUMBERS),
                ("rest", make_pipeline(SimpleImputer(strategy="most_frequent"), IGNORING), [*TEXTS, *FLAGS]),
            ]
        ),
        LOGISTIC,
    ),
    "by selectors": lambda: make_pipeline(
        ColumnTransformer(
            [
                ("rest", numbers(), ["size", "count"]),
                ("cat", IGNORING, make_column_selector(dtype_include=["object", "str"])),
            ],
            remainder="drop",
        ),
        LOGISTIC,
    ),
    "passed through": lambda: make_pipeline(
        ColumnTransformer([("cat", IGNORING, [*TEXTS])], remainder="passthrough", sparse_threshold=0),
        HistGradientBoostingClassifier(max_iter=5),
    ),
    "forest": lambda: usual(RandomForestClassifier(10)),
    "neighbours": lambda: usual(KNeighborsClassifier()),
    "no probabilities": lambda: usual(SVC()),
    "calibrated": lambda: usual(CalibratedClassifierCV(SVC(), ensemble=False)),
    "stacked": lambda: usual(StackingClassifier([("a", LOGISTIC), ("b", RandomForestClassifier(5))], cv=2)),
    "searched": lambda: GridSearchCV(usual(LOGISTIC), {"logisticregression__C": [0.1, 1.0]}, cv=2),
    "other scalers": lambda: make_pipeline(
        ColumnTransformer(
            [
                ("num", make_pipeline(SimpleImputer(add_indicator=True), MinMaxScaler(), PowerTransformer()), NUMBERS),
                ("cat", IGNORING, [*TEXTS, *FLAGS]),
            ]
        ),
        LOGISTIC,
    ),
}


SHORT = ("usual", "ordinal", "scaled after", "texts and flags together", "no probabilities", "stacked")


def fit(pipeline: Any, frame: pd.DataFrame, target: str = "kind") -> Any:
    return pipeline.fit(frame[[*NUMBERS, "new", *TEXTS]], frame[target])


@pytest.mark.parametrize(
    "name", [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in PIPELINES]
)
def test_a_pipeline_over_codes_says_what_the_notebooks_says(
    frame: pd.DataFrame, made: Make, notebook_spec: Spec, tmp_path: Path, name: str
) -> None:
    original = fit(PIPELINES[name](), frame)
    spec = notebook_spec(features={"unseen": {"colour": "accept"}} if name != "drop the first" else {})
    data = made(spec)
    found = translation.translate(original, data, "kind")
    path = translation.estimator_path(translation.last(original))
    candidate = spec_file.of_import(spec, tmp_path / "table.csv", path).candidates[0]
    precision = estimators.precision(candidate)
    args: Any = {"task": "classification", "precision": precision, "rule": Decision()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the original may warn of categories that it has not seen
        assert comparison.check(translation.unwrapped(original), found.pipeline, data, found.names, **args) == 240
    form = InputForm(precision=precision)
    files = fitted.write(
        found.pipeline,
        tmp_path,
        candidate,
        task="classification",
        rows=lambda: packaging.rows_to_compare(data, form),
        scale=1.0,
    )
    loaded = load_pipeline(files[0])
    matrix = data.matrix(precision=precision)
    again = predictions.predict(loaded, matrix, task="classification")
    assert (again.labels == predictions.predict(found.pipeline, matrix, task="classification").labels).all()
