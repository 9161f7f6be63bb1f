import importlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_shared import pipelines
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.pipelines import TRUSTED_TYPES, load_pipeline, untrusted_types
from sklearn import ensemble, linear_model, neighbors, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from skops.io import dump

ROWS = 120
RANDOM = np.random.default_rng(3)
TABLE = np.empty((ROWS, 3), dtype=object)
TABLE[:, 0] = RANDOM.normal(size=ROWS)
TABLE[:, 1] = np.where(RANDOM.random(ROWS) < 0.2, np.nan, RANDOM.normal(size=ROWS))
TABLE[:, 2] = RANDOM.choice(["a", "b", "c"], size=ROWS)
NUMBERS = (TABLE[:, 0] * 2 + (TABLE[:, 2] == "a") + RANDOM.normal(scale=0.1, size=ROWS)).astype(float)
COUNTS = np.exp(NUMBERS / 3)
TWO = np.where(NUMBERS > 0, "yes", "no")
THREE = np.digitize(NUMBERS, [-1, 1])

MEMBERS = [("ridge", linear_model.Ridge()), ("tree", tree.DecisionTreeRegressor(max_depth=3))]
VOTERS = [("logistic", linear_model.LogisticRegression()), ("tree", tree.DecisionTreeClassifier(max_depth=3))]
BOOSTED = ensemble.HistGradientBoostingRegressor

REGRESSORS = {
    "ridge": linear_model.Ridge(),
    "means": make_pipeline(TargetEncoder(cv=KFold(2), target_type="continuous"), linear_model.Ridge()),
    "lasso": linear_model.Lasso(alpha=0.01),
    "elastic-net": linear_model.ElasticNet(alpha=0.01),
    "linear": linear_model.LinearRegression(),
    "huber": linear_model.HuberRegressor(),
    "poisson": linear_model.PoissonRegressor(),
    "gamma": linear_model.GammaRegressor(),
    "tweedie": linear_model.TweedieRegressor(power=1.5, link="log"),
    "sgd": linear_model.SGDRegressor(),
    "sgd-huber": linear_model.SGDRegressor(loss="huber"),
    "sgd-epsilon": linear_model.SGDRegressor(loss="epsilon_insensitive"),
    "svr": svm.SVR(),
    "linear-svr": svm.LinearSVR(),
    "neighbours": neighbors.KNeighborsRegressor(),
    "neighbours-chebyshev": neighbors.KNeighborsRegressor(metric="chebyshev", algorithm="kd_tree"),
    "neighbours-minkowski": neighbors.KNeighborsRegressor(p=3, algorithm="ball_tree"),
    "tree": tree.DecisionTreeRegressor(max_depth=4),
    "forest": ensemble.RandomForestRegressor(5),
    "extra-trees": ensemble.ExtraTreesRegressor(5),
    "gradient-boosting": ensemble.GradientBoostingRegressor(n_estimators=5),
    "gradient-boosting-huber": ensemble.GradientBoostingRegressor(loss="huber", n_estimators=5),
    "gradient-boosting-quantile": ensemble.GradientBoostingRegressor(loss="quantile", n_estimators=5),
    "gradient-boosting-absolute": ensemble.GradientBoostingRegressor(loss="absolute_error", n_estimators=5),
    "hist-squared": BOOSTED(max_iter=5),
    "hist-absolute": BOOSTED(loss="absolute_error", max_iter=5),
    "hist-gamma": BOOSTED(loss="gamma", max_iter=5),
    "hist-poisson": BOOSTED(loss="poisson", max_iter=5),
    "hist-quantile": BOOSTED(loss="quantile", quantile=0.5, max_iter=5),
    "ada-boost": ensemble.AdaBoostRegressor(n_estimators=3),
    "bagging": ensemble.BaggingRegressor(n_estimators=3),
    "mlp": MLPRegressor(hidden_layer_sizes=(4,), max_iter=5),
    "mlp-sgd": MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", learning_rate_init=1e-4, max_iter=5),
    "stacking": ensemble.StackingRegressor(MEMBERS, cv=2),
    "voting": ensemble.VotingRegressor(MEMBERS),
    "dummy": DummyRegressor(),
    "tweedie-identity": linear_model.TweedieRegressor(power=0, link="identity"),
    "gaussian-process": GaussianProcessRegressor(),
}
CLASSIFIERS = {
    "logistic": linear_model.LogisticRegression(),
    "sgd-hinge": linear_model.SGDClassifier(),
    "sgd-log": linear_model.SGDClassifier(loss="log_loss"),
    "sgd-huber": linear_model.SGDClassifier(loss="modified_huber"),
    "sgd-squared-hinge": linear_model.SGDClassifier(loss="squared_hinge"),
    "ridge": linear_model.RidgeClassifier(),
    "svc": svm.SVC(),
    "linear-svc": svm.LinearSVC(),
    "neighbours": neighbors.KNeighborsClassifier(),
    "neighbours-ball-tree": neighbors.KNeighborsClassifier(algorithm="ball_tree"),
    "neighbours-kd-tree": neighbors.KNeighborsClassifier(algorithm="kd_tree", metric="manhattan"),
    "tree": tree.DecisionTreeClassifier(max_depth=4),
    "forest": ensemble.RandomForestClassifier(5),
    "extra-trees": ensemble.ExtraTreesClassifier(5),
    "gradient-boosting": ensemble.GradientBoostingClassifier(n_estimators=5),
    "gradient-boosting-exponential": ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=5),
    "hist": ensemble.HistGradientBoostingClassifier(max_iter=5),
    "hist-categories": ensemble.HistGradientBoostingClassifier(max_iter=5, categorical_features=[2]),
    "ada-boost": ensemble.AdaBoostClassifier(n_estimators=3),
    "bagging": ensemble.BaggingClassifier(n_estimators=3),
    "mlp": MLPClassifier(hidden_layer_sizes=(4,), max_iter=5),
    "mlp-sgd": MLPClassifier(hidden_layer_sizes=(4,), solver="sgd", max_iter=5),
    "naive-bayes": GaussianNB(),
    "calibrated-sigmoid": CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2),
    "calibrated-isotonic": CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2),
    "calibrated-temperature": CalibratedClassifierCV(linear_model.LogisticRegression(), method="temperature", cv=2),
    "gaussian-process": GaussianProcessClassifier(),
    "stacking": ensemble.StackingClassifier(VOTERS, cv=2),
    "voting": ensemble.VotingClassifier(VOTERS, voting="soft"),
    "dummy": DummyClassifier(),
}
CASES = {
    **{f"regression-{name}": (model, COUNTS) for name, model in REGRESSORS.items()},
    **{f"two-classes-{name}": (model, TWO) for name, model in CLASSIFIERS.items()},
    **{f"three-classes-{name}": (model, THREE) for name, model in CLASSIFIERS.items() if "exponential" not in name},
}


def fitted(model: Any, target: Any) -> Any:
    columns = ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(), StandardScaler()), [0, 1]),
            ("text", OneHotEncoder(handle_unknown="ignore", sparse_output=False), [2]),
            ("code", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [2]),
        ]
    )
    return make_pipeline(columns, model).fit(TABLE, target)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("model", "target"), CASES.values(), ids=CASES)
def test_a_pipeline_comes_back_as_it_was(tmp_path: Path, model: Any, target: Any) -> None:
    pipeline = fitted(model, target)
    file = tmp_path / "model.skops"
    dump(pipeline, file)
    loaded = load_pipeline(file)
    np.testing.assert_array_equal(loaded.predict(TABLE), pipeline.predict(TABLE))
    if hasattr(pipeline, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(TABLE), pipeline.predict_proba(TABLE))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_trusted_type_exists_and_is_needed_by_some_estimator(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(pipelines, "TRUSTED_TYPES", ())
    needed: set[str] = set()
    for model, target in CASES.values():
        dump(fitted(model, target), tmp_path / "model.skops")
        needed.update(untrusted_types(tmp_path / "model.skops"))
    assert needed == set(TRUSTED_TYPES)
    for name in TRUSTED_TYPES:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute)


def crafted(file: Path, module: str, name: str) -> Path:
    """A skops file whose scaler is a type of the attacker's choice."""
    dump(make_pipeline(StandardScaler(), linear_model.Ridge()).fit([[0.0], [1.0]], [0, 1]), file)
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    schema = members["schema.json"].decode()
    assert '"StandardScaler"' in schema
    for old, new in (('"StandardScaler"', name), ('"sklearn.preprocessing._data"', module)):
        schema = schema.replace(old, json.dumps(new))
    with zipfile.ZipFile(file, "w") as archive:
        for member, content in {**members, "schema.json": schema.encode()}.items():
            archive.writestr(member, content)
    return file


@pytest.mark.parametrize(("module", "name"), [("os", "system"), ("builtins", "eval"), ("subprocess", "Popen")])
def test_a_type_outside_of_the_list_is_refused(tmp_path: Path, module: str, name: str) -> None:
    with pytest.raises(ModelVersionRefused, match=f"holds types that are not trusted: {module}.{name}"):
        load_pipeline(crafted(tmp_path / "model.skops", module, name))


def test_an_untrusted_module_is_not_even_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    witness = tmp_path / "imported"
    (tmp_path / "evil_module.py").write_text(f"open({str(witness)!r}, 'w').close()\nclass Evil: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelVersionRefused, match=r"evil_module\.Evil"):
        load_pipeline(crafted(tmp_path / "model.skops", "evil_module", "Evil"))
    assert not witness.exists()


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.skops"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("a.npy", b"\0" * 600_000)
        archive.writestr("b.npy", b"\0" * 600_000)
    assert file.stat().st_size < 10_000
    monkeypatch.setattr(pipelines, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(ModelVersionRefused, match="unpacks to 1200002 bytes, more than 1000000"):
        load_pipeline(file)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut off"])
def test_what_is_no_skops_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.skops").write_bytes(content)
    with pytest.raises(ModelVersionRefused, match=r"model\.skops cannot be loaded: ") as caught:
        load_pipeline(tmp_path / "model.skops")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelVersionRefused, match="cannot be loaded: FileNotFoundError"):
        load_pipeline(tmp_path / "model.skops")


@pytest.mark.parametrize("value", [{"a": 1}, StandardScaler()], ids=["dictionary", "transformer"])
def test_what_cannot_predict_is_refused(tmp_path: Path, value: object) -> None:
    dump(value, tmp_path / "model.skops")
    with pytest.raises(ModelVersionRefused, match="which cannot predict"):
        load_pipeline(tmp_path / "model.skops")
