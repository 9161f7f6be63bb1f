from pathlib import Path

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_spec, read_specs

HEAD = 'version = 1\nname = "churn"\ntask = "classification"\ntarget = "left"\nmetric = "accuracy"\n'
SOURCE = '[source]\npath = "churn.csv"\n'
CANDIDATE = '[[candidates]]\nname = "forest"\nestimator = "sklearn.ensemble.RandomForestClassifier"\n'
SPEC = HEAD + SOURCE + CANDIDATE


def write(folder: Path, text: str, name: str = "churn.toml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_the_smallest_spec_has_sound_defaults(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, SPEC))
    assert (spec.name, spec.folds, spec.holdout.fraction, spec.gate.margin) == ("churn", 5, 0.2, 0.0)
    assert spec.identifying_columns == ()


def test_every_key_is_read(tmp_path: Path) -> None:
    head = HEAD + 'key = ["id"]\ngroup = "id"\nevent_time = "day"\nschedule = "@daily"\nfolds = 3\n'
    rest = '[features]\nleave_out = ["note"]\n[features.types]\nzip = "category"\n[features.dates]\nday = ["year"]\n'
    rest += "[gate]\nminimum = 0.7\nmargin = 1\n[holdout]\nfraction = 0.3\n[drift]\npsi = 0.1\n"
    parameters = "parameters = {depth = 3, nested = {a = [1, 'x', true]}}\ngrid = {n_estimators = [10, 20]}\n"
    spec = read_spec(write(tmp_path, head + rest + SOURCE + CANDIDATE + parameters))
    assert spec.candidates[0].parameters == {"depth": 3, "nested": {"a": [1, "x", True]}}
    assert spec.identifying_columns == ("id",)
    assert (spec.gate.margin, spec.features.dates) == (1.0, {"day": ("year",)})


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    assert read_spec(write(tmp_path, "\ufeff" + SPEC)).name == "churn"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(HEAD + CANDIDATE, "source: is missing", id="no source"),
        pytest.param(HEAD + SOURCE, "candidates: is missing", id="no candidates"),
        pytest.param(HEAD + "candidates = []\n" + SOURCE, "candidates: give at least 1", id="no candidate"),
        pytest.param(SPEC + "gird = {a = [1]}\n", "candidates.0.gird: unknown key; did you mean grid?", id="typo"),
        pytest.param('sedule = "@daily"\n' + SPEC, "sedule: unknown key; did you mean schedule?", id="typo at the top"),
        pytest.param(
            SPEC + "[gate]\nzzz = 1\n",
            "gate.zzz: unknown key; known are minimum, margin",
            id="unknown without a neighbour",
        ),
        pytest.param(SPEC.replace("version = 1", "version = 2"), "version: use 1", id="another version"),
        pytest.param(SPEC.replace("version = 1", 'version = "1"'), "version: use 1", id="version as text"),
        pytest.param(
            SPEC.replace('"churn"', '"Churn Model"'),
            "name: use lower-case letters, digits, - and _",
            id="name is no slug",
        ),
        pytest.param(SPEC.replace('"churn"', '"' + "c" * 64 + '"'), "63 at the most", id="name too long"),
        pytest.param(
            SPEC.replace('"classification"', '"clustering"'), "task: use 'classification' or 'regression'", id="task"
        ),
        pytest.param(
            SPEC.replace('"accuracy"', '"rmse"'),
            "metric rmse is not for classification: use one of accuracy, balanced_accuracy, f1_macro, roc_auc",
            id="metric of the other task",
        ),
        pytest.param('folds = "5"\n' + SPEC, "folds: give a whole number", id="number as text"),
        pytest.param("folds = 5.0\n" + SPEC, "folds: give a whole number", id="float for an integer"),
        pytest.param("folds = 1\n" + SPEC, "folds: must be greater than or equal to 2", id="too few folds"),
        pytest.param(SPEC + "[holdout]\nfraction = 0.9\n", "holdout.fraction: must be less", id="holdout too large"),
        pytest.param(SPEC + '[gate]\nminimum = "0.5"\n', "gate.minimum: give a number", id="minimum as text"),
        pytest.param(SPEC + "[gate]\nminimum = nan\n", "gate.minimum: give a finite number", id="nan"),
        pytest.param(SPEC + "parameters = {alpha = inf}\n", "candidates.0.parameters.alpha: give a finite", id="inf"),
        pytest.param(
            SPEC + "grid = {day = [1979-05-27]}\n",
            "candidates.0.grid.day.0: a spec holds no dates; put it in quotes if a text is meant",
            id="TOML date",
        ),
        pytest.param("schedule = 07:32:00\n" + SPEC, "schedule: a spec holds no dates", id="TOML time"),
        pytest.param('key = "id"\n' + SPEC, "key: give a list in brackets", id="text for a list"),
        pytest.param("group = 3\n" + SPEC, "group: give a text in quotes", id="number for a text"),
        pytest.param('key = [""]\n' + SPEC, "key.0: must not be empty", id="empty column name"),
        pytest.param(HEAD + 'source = "x.csv"\n' + CANDIDATE, "source: give a table", id="text for a table"),
        pytest.param(
            SPEC.replace("sklearn.ensemble.RandomForestClassifier", "os.system"),
            "candidates.0.estimator: give the import path of a scikit-learn estimator, such as sklearn.linear",
            id="estimator of another library",
        ),
        pytest.param(
            SPEC + "grid = {n_estimators = []}\n", "candidates.0.grid.n_estimators: give at least 1", id="grid"
        ),
        pytest.param(
            SPEC + "grid = {n_estimators = 5}\n", "grid.n_estimators: give a list in brackets", id="grid value"
        ),
        pytest.param(SPEC + CANDIDATE, "two candidates have the same name", id="two candidates of one name"),
        pytest.param(
            SPEC.replace('path = "churn.csv"', 'path = "a"\nquery = "b"'),
            "source: give either path, or connection and query",
            id="two kinds of source",
        ),
        pytest.param(
            SPEC.replace('path = "churn.csv"', 'query = "b"'),
            "source: connection and query go together",
            id="half a query",
        ),
        pytest.param(SPEC.replace('path = "churn.csv"', ""), "source: give either path", id="empty source"),
        pytest.param(
            SPEC.replace('path = "churn.csv"', 'path = "a"\nseparator = "::"'),
            "source.separator: use 1 characters at the most",
            id="separator",
        ),
        pytest.param(
            SPEC + '[features.types]\nzip = "text"\n',
            "features.types.zip: use 'integer', 'number', 'boolean', 'category' or 'datetime'",
            id="column type",
        ),
        pytest.param(SPEC + '[features.dates]\nday = ["decade"]\n', "features.dates.day.0: use 'year'", id="date part"),
        pytest.param(SPEC + "[features.dates]\nday = []\n", "features.dates.day: give at least 1", id="no date part"),
        pytest.param(
            SPEC + '[features.dates]\nday = ["year", "year"]\n',
            "features: dates.day names a part twice",
            id="part twice",
        ),
        pytest.param(
            SPEC + '[features]\nuse = ["left"]\n', "features.use names the target left", id="target as feature"
        ),
        pytest.param(SPEC + '[features]\nuse = ["a"]\nleave_out = ["b"]\n', "give either use or leave_out", id="both"),
        pytest.param('event_time = "left"\n' + SPEC, "the target left is also named as key", id="target as event time"),
        pytest.param("name = churn", "is not TOML: ", id="no TOML"),
        pytest.param("a = " + "[" * 5000, "is not TOML: ", id="nested too deeply"),
    ],
)
def test_an_error_names_the_file_the_key_and_what_would_be_right(tmp_path: Path, text: str, problem: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        read_spec(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)


def test_all_wrong_keys_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read_spec(write(tmp_path, 'folds = "x"\nzzz = 1\n' + SPEC.replace('"accuracy"', '"speed"')))
    assert {problem.partition(":")[0] for problem in caught.value.problems} == {"folds", "zzz", "metric"}


def test_a_file_that_is_not_there_and_one_that_is_no_text_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot be read \(No such file or directory\)"):
        read_spec(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="is not UTF-8 text"):
        read_spec(tmp_path / "binary.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SpecError, match="cannot be read"):
        read_spec(tmp_path / "folder.toml")


def test_a_folder_gives_its_specs_and_the_errors_of_the_others(tmp_path: Path) -> None:
    good = write(tmp_path, SPEC)
    nested = write(tmp_path, SPEC.replace('"churn"', '"prices"'), "prices/model.toml")
    write(tmp_path, SPEC.replace('"churn"', '"deep"'), "too/deep/model.toml")
    write(tmp_path, "nonsense", "wrong.toml")
    specs, errors = read_specs(tmp_path)
    assert {file: spec.name for file, spec in specs.items()} == {good: "churn", nested: "prices"}
    assert [Path(error.file).name for error in errors] == ["wrong.toml"]


def test_the_second_of_two_specs_with_one_name_is_an_error(tmp_path: Path) -> None:
    first, second = write(tmp_path, SPEC, "a.toml"), write(tmp_path, SPEC, "b.toml")
    specs, errors = read_specs(tmp_path)
    assert list(specs) == [first]
    assert [str(error) for error in errors] == [f"{second}: name: churn is taken by {first}; choose another"]
