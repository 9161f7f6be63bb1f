import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from mlyard_shared.errors import MlyardError, SettingsError, SpecError, TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import memory
from mlyard_training_pipeline.preview import describe
from mlyard_training_pipeline.settings import Settings

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[str | None]]]
Written = Callable[..., Path]


def described(file: Path) -> list[str]:
    return list(describe(file, Settings(state=file.parent / "state")))


def test_a_table_is_described_as_it_is_understood(spec: Spec, written: Written, tmp_path: Path) -> None:
    lines = described(written(tmp_path, spec(schedule="0 3 * * 1", timezone="Europe/Berlin")))
    assert lines[0] == "mixed: classification of kind (large, middle, small), judged by accuracy"
    assert re.fullmatch(
        r"240 rows: \d+ to train on, \d+ \(\d\d\.\d% where 20\.0% was asked for\) held out by a hash of id", lines[1]
    )
    assert [line.split()[:2] for line in lines[2:7]] == [
        ["size", "number"],
        ["count", "integer"],
        ["new", "boolean"],
        ["colour", "category"],
        ["seen", "datetime"],
    ]
    assert lines[5].endswith("nullable blue, green, red; refuses others")
    assert lines[6].endswith("nullable becomes month, day, weekday, hour")
    assert lines[7] == "  not seen by the model: id, amount"
    assert lines[8] == "candidate logistic: sklearn.linear_model.LogisticRegression, 1 setting, 3 folds"
    assert re.fullmatch(
        r"candidate logistic takes about 4\d\d MiB of memory; a column for each level: colour", lines[9]
    )
    assert lines[10].startswith("schedule: 0 3 * * 1 (Europe/Berlin), next on ")
    assert len(lines) == 11


def test_a_holdout_by_time_names_the_moment(spec: Spec, written: Written, mixed: Mixed, tmp_path: Path) -> None:
    columns = mixed() | {"day": [f"2024-{row // 28 % 12 + 1:02}-{row % 28 + 1:02}" for row in range(240)]}
    lines = described(written(tmp_path, spec(event_time="day"), columns))
    assert re.search(r"held out by time: day from 2024-\d\d-\d\dT00:00:00\+0000 on", lines[1])


def test_trees_are_told_of_the_columns_that_lose_digits(
    spec: Spec, written: Written, mixed: Mixed, tmp_path: Path
) -> None:
    columns = mixed() | {"count": [str(1_699_999_438_912 + 3 * row) for row in range(240)]}
    forest = {"name": "forest", "estimator": "sklearn.ensemble.RandomForestClassifier"}
    linear = {"name": "linear", "estimator": "sklearn.linear_model.LogisticRegression"}
    lines = described(written(tmp_path, spec(candidates=[linear, forest]), columns))
    assert [line for line in lines if line.startswith("warning")] == [
        "warning: count loses digits as float32, in which forest computes: about seven digits are kept"
    ]
    assert not any(
        line.startswith("warning") for line in described(written(tmp_path, spec(candidates=[linear]), columns))
    )


def refused(file: Path) -> MlyardError:
    with pytest.raises(MlyardError) as raised:
        described(file)
    return raised.value


def test_every_problem_of_table_schedule_and_candidates_is_named_at_once(
    spec: Spec, written: Written, mixed: Mixed, tmp_path: Path
) -> None:
    wrong = spec(
        schedule="daily",
        candidates=[
            {"name": "absent", "estimator": "sklearn.linear_model.LogisticRegresion"},
            {"name": "misspelled", "estimator": "sklearn.svm.SVC", "parameters": {"gama": 1}},
        ],
    )
    columns = mixed() | {"size": ["NULL", "1.5"] * 120, "count": ["7"] * 240}
    error = refused(written(tmp_path, wrong, columns))
    assert isinstance(error, TableError)
    for problem in ("column 'size'", "column 'count'", "schedule: ", "candidates.absent: ", "candidates.misspelled: "):
        assert problem in str(error)


def test_a_wrong_spec_is_told_beside_a_right_table(spec: Spec, written: Written, tmp_path: Path) -> None:
    error = refused(written(tmp_path, spec(schedule="0 0 3 * * *", metric="roc_auc", target="new")))
    assert isinstance(error, SpecError | TableError)
    assert "schedule: " in str(error)


def test_a_wrong_table_alone_is_its_own_error(spec: Spec, written: Written, mixed: Mixed, tmp_path: Path) -> None:
    error = refused(written(tmp_path, spec(), mixed() | {"count": ["7"] * 240}))
    assert type(error) is TableError
    assert str(error).startswith("column 'count' has one value in every row")


def test_a_connection_without_a_url_does_not_hide_other_problems(spec: Spec, tmp_path: Path, written: Written) -> None:
    asked = spec(source={"connection": "warehouse", "query": "SELECT 1"})
    file = tmp_path / "spec.toml"
    text = written(tmp_path, spec(), None).read_text().replace('path = "mixed.csv"', _source(asked))
    file.write_text(text)
    assert isinstance(refused(file), SettingsError)
    file.write_text('schedule = "daily"\n' + text)
    error = refused(file)
    assert "connection warehouse" in str(error)
    assert "schedule: " in str(error)


def _source(spec: ModelSpec) -> str:
    return f'connection = "{spec.source.connection}"\nquery = "{spec.source.query}"'


def test_a_description_leaves_nothing_behind(
    spec: Spec, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "specs", spec())
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    described(file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["specs"]
    assert sorted(path.name for path in file.parent.iterdir()) == ["mixed.csv", "mixed.toml"]


@pytest.mark.long
def test_a_small_table_is_described_quickly_beside_the_import_of_scikit_learn(examples: Path) -> None:
    code = f"""
        import time
        from pathlib import Path
        import sklearn.ensemble, sklearn.linear_model, sklearn.model_selection
        begun = time.process_time()
        import sys
        from mlyard_training_pipeline.cli import cli
        from mlyard_training_pipeline.preview import describe
        from mlyard_training_pipeline.settings import Settings
        lines = list(describe(Path({str(examples / "penguins/penguins.toml")!r}), Settings()))
        assert "mlflow" not in sys.modules
        print(len(lines), time.process_time() - begun)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    lines, seconds = done.stdout.split()
    assert int(lines) > 8
    # Of the processor, which a busy machine shares out; 1.5 s is what a person waits for on an idle one.
    assert float(seconds) < 3


def test_what_candidates_take_of_the_memory_is_told_with_a_way_out(
    spec: Spec, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "limit", lambda: 600 * 1024**2)
    forest = {"estimator": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 100_000}}
    two = [{"name": name, **forest} for name in ("one", "two")]
    lines = described(written(tmp_path, spec(candidates=two)))
    (grown,) = (line for line in lines if "the trees of two may grow" in line)
    assert (
        "and there are 600 MiB of memory: say max_depth, max_leaf_nodes, min_samples_leaf or fewer n_estimators"
        in grown
    )
    (together,) = (line for line in lines if "at once" in line)
    assert "lower MLYARD_TRAINING_PIPELINE_PARALLELISM" in together


def test_what_the_contract_of_the_versions_cannot_say_is_told_before_a_training(
    spec: Spec, written: Written, tmp_path: Path
) -> None:
    file = written(tmp_path, spec(metric="f_beta"))
    described(file)
    with pytest.raises(SpecError, match=r"metric: contract 1 of a model version, which .*_CONTRACT asks for, cannot"):
        list(describe(file, Settings(state=tmp_path / "state", model_version_contract=1)))
