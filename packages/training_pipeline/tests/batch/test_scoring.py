"""Whole jobs, over a real store of versions."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import MlyardError, ModelNotFound, TableError
from mlyard_training_pipeline.batch import Scored, ScoringError, score
from mlyard_training_pipeline.batch.command import request_of
from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.tracking.context import Context
from pyarrow import parquet

from ..conftest import mixed_columns, write_csv
from ..volumes import fill, mounted
from .conftest import DEFAULTS, Listener

Job = Callable[..., Scored]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 2 500 rows be three chunks."""
    monkeypatch.setattr(encoding, "_GROUP_ROWS", 1)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    columns = mixed_columns(2_500)
    return write_csv(tmp_path / "new.csv", {name: columns[name] for name in columns if name not in ("kind", "amount")})


def test_every_row_is_scored_once_with_its_key_version_and_time(scored: Job, table: Path, tmp_path: Path) -> None:
    found = scored(str(table), "scores.parquet", probabilities=True)
    rows = parquet.read_table(tmp_path / "scores.parquet")
    assert found.rows == rows.num_rows == 2_500
    assert rows["id"].to_pylist() == [str(row) for row in range(2_500)]
    assert rows.column_names[1:] == [
        "prediction",
        *(f"probability_{label}" for label in ("large", "middle", "small")),
        "model",
        "version",
        "scored_at",
    ]
    assert set(rows["prediction"].to_pylist()) == {"small", "middle", "large"}
    assert set(rows["version"].to_pylist()) == {found.version}
    assert len(rows["scored_at"].unique()) == 1
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_a_job_that_was_stopped_goes_on_and_gives_what_one_without_a_stop_gives(
    scored: Job, table: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        scored(str(table), "scores.parquet", listener=Listener(stop_at=2))
    assert not (tmp_path / "scores.parquet").exists()
    again = Listener()
    scored(str(table), "scores.parquet", listener=again)
    assert "goes on" in again.said[0]
    assert again.chunks == [2, 3]
    scored(str(table), "whole.parquet")
    names = ["id", "prediction", "version"]
    assert parquet.read_table(tmp_path / "scores.parquet", columns=names).equals(
        parquet.read_table(tmp_path / "whole.parquet", columns=names)
    )


def test_a_job_begins_anew_where_the_table_or_the_request_is_another(scored: Job, table: Path, tmp_path: Path) -> None:
    def stop(**asked: Any) -> list[str]:
        listener = Listener(stop_at=2)
        with pytest.raises(KeyboardInterrupt):
            scored(str(table), "scores.parquet", listener=listener, **asked)
        return listener.said

    stop()
    assert "asked for something else" in stop(probabilities=True)[0]
    text = table.read_text()
    table.write_text(text.replace("\n0,", "\n-1,"))
    assert "the table has been changed since" in stop(probabilities=True)[0]
    state = tmp_path / ".scores.parquet.scoring/job.json"
    job = json.loads(state.read_text())
    state.write_text(json.dumps({**job, "version": 7, "manifest_sha256": "0" * 64}))
    assert "version 1 is the champion now, and it was version 7" in stop(probabilities=True)[0]
    (state.parent / "snapshot.parquet").write_bytes(b"")
    assert "its snapshot is not there as it was taken" in stop(probabilities=True)[0]
    table.write_text(text.replace("\n0,", "\n-2,"))
    scored(str(table), "scores.parquet")
    found = parquet.read_table(tmp_path / "scores.parquet")
    assert found.num_rows == 2_500
    assert found["id"][0].as_py() == "-2"


def test_a_folder_gets_a_file_for_each_job_and_a_file_is_kept_unless_asked(
    scored: Job, table: Path, tmp_path: Path
) -> None:
    scored(str(table), "scores")
    with pytest.raises(ScoringError, match="scores exists: `--existing append` adds a file to it"):
        scored(str(table), "scores")
    scored(str(table), "scores", existing="append")
    assert parquet.read_table(tmp_path / "scores").num_rows == 5_000
    scored(str(table), "scores.parquet")
    with pytest.raises(ScoringError, match="`--existing replace` replaces it"):
        scored(str(table), "scores.parquet")
    scored(str(table), "scores.parquet", existing="replace")
    assert parquet.read_table(tmp_path / "scores.parquet").num_rows == 2_500


def test_rows_without_a_key_are_told_apart_by_their_number(scored: Job, tmp_path: Path) -> None:
    columns = mixed_columns(1_100)
    del columns["id"]
    write_csv(tmp_path / "new.csv", columns)
    scored("new.csv", "scores.parquet")
    assert parquet.read_table(tmp_path / "scores.parquet")["row"].to_pylist() == list(range(1, 1_101))


def test_texts_are_read_in_the_form_that_the_command_names(scored: Job, table: Path, tmp_path: Path) -> None:
    scored(str(table), "scores.parquet")
    table.write_text(table.read_text().replace(",", ";").replace(".", ","))
    with pytest.raises(TableError, match=r'say source\.separator = ";"'):
        scored(str(table), "others.parquet")
    scored(str(table), "others.parquet", read=("separator=;", "source.decimal=,"))
    names = ["id", "prediction"]
    assert parquet.read_table("scores.parquet", columns=names).equals(
        parquet.read_table("others.parquet", columns=names)
    )
    with pytest.raises(ScoringError, match=r"--read seperator=;: seperator: unknown key; did you mean separator\?"):
        scored(str(table), "more.parquet", read=("seperator=;",))
    with pytest.raises(ScoringError, match=r"scores.parquet is the input and the output"):
        scored("scores.parquet", "scores.parquet", existing="replace")


def with_faults(folder: Path) -> Path:
    """A table with three rows that the model does not take: the first and the last of a chunk, and one alone."""
    columns = mixed_columns(2_500)
    columns["size"][999] = "huge"
    columns["colour"][999] = "violet"
    columns["seen"][1_000] = "31.12.2024"
    columns["count"][2_400] = None
    return write_csv(folder / "faulty.csv", columns)


def test_cells_that_the_model_does_not_take_refuse_the_job(scored: Job, tmp_path: Path) -> None:
    with_faults(tmp_path)
    with pytest.raises(TableError) as caught:
        scored("faulty.csv", "scores.parquet")
    said = str(caught.value)
    assert "row 1000, column 'colour': 'violet' is not one of the categories" in said
    assert "row 1000, column 'size': 'huge' is not a number" in said
    assert "row 1001, column 'seen': '31.12.2024' is not an ISO 8601 date" in said
    assert "row 2401, column 'count': is missing, and the model needs it; 3 rows are refused in all" in said
    assert list(tmp_path.glob("*.parquet")) == []
    write_csv(tmp_path / "faulty.csv", mixed_columns(2_500))
    anew = Listener()
    scored("faulty.csv", "scores.parquet", listener=anew)
    assert anew.chunks[0] == 0


def test_cells_that_the_model_does_not_take_go_to_a_file_of_their_own(scored: Job, tmp_path: Path) -> None:
    with_faults(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        scored("faulty.csv", "scores.parquet", rejects=tmp_path / "rejects.csv", listener=Listener(stop_at=2))
    found = scored("faulty.csv", "scores.parquet", rejects=tmp_path / "rejects.csv")
    assert (found.rows, found.refused) == (2_497, 3)
    ids = parquet.read_table(tmp_path / "scores.parquet")["id"].to_pylist()
    assert ids == [str(row) for row in range(2_500) if row not in (999, 1_000, 2_400)]
    lines = (tmp_path / "rejects.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["row", "1000", "1000", "1001", "2401"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        pytest.param({"table": "none.csv"}, "none.csv does not exist: give a file", id="no table"),
        pytest.param({"output": "scores.csv"}, "scores.csv is not Parquet: give a path", id="CSV"),
        pytest.param({"output": "s3://bucket/scores"}, "s3://bucket/scores is a URL: give a path", id="URL"),
        pytest.param({"output": "nowhere.scores"}, "connection nowhere has no URL: set", id="connection"),
        pytest.param({"output": "new.csv/scores.parquet"}, "it does not lie in a folder", id="below a file"),
        pytest.param({"ids": ("customer",)}, "has no column 'customer', which was to tell", id="id"),
        pytest.param({"ids": ("version",)}, "two columns of the output would be called 'version'", id="ids"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    scored: Job, table: Path, asked: dict[str, Any], sentence: str
) -> None:
    rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{rows[0]},version", *(f"{row},1" for row in rows[1:])]))
    with pytest.raises(MlyardError, match=sentence) as caught:
        scored(**{"table": str(table), "output": "scores.parquet", **asked})
    assert "\n" not in str(caught.value)
    assert [entry.name for entry in table.parent.iterdir() if entry.name not in ("new.csv", "state")] == []


def test_a_column_that_is_missing_and_a_model_without_a_champion_are_named(
    context: Context, scored: Job, table: Path
) -> None:
    rows = table.read_text().splitlines()
    table.write_text("\n".join(row.split(",", 1)[0] + ",1" for row in rows).replace("id,1", "id,size"))
    with pytest.raises(TableError, match="has no columns 'count', 'new', 'colour', 'seen', which version 1 of"):
        scored(str(table), "scores.parquet")
    request = request_of("nobody", table=str(table), output="x.parquet", **DEFAULTS)
    with pytest.raises(ModelNotFound, match="model 'nobody' has no champion: train it"):
        score(context, request, listener=Listener())


def test_two_jobs_do_not_write_to_one_output_at_once(scored: Job, table: Path) -> None:
    class Second(Listener):
        def chunk(self, done: int, chunks: int) -> None:
            with pytest.raises(ScoringError, match="another job is writing to"):
                scored(str(table), "scores.parquet")

    scored(str(table), "scores.parquet", listener=Second())


def test_a_run_that_is_repeated_after_it_was_done_writes_nothing(
    context: Context, trained: str, table: Path, tmp_path: Path
) -> None:
    asked = request_of(trained, table=str(table), output="scores", **{**DEFAULTS, "existing": "append"})
    for _ in range(2):
        score(context, asked.model_copy(update={"run_key": "scheduled__1"}), listener=Listener())
    assert len(list((tmp_path / "scores").glob("*.parquet"))) == 1
    score(context, asked.model_copy(update={"run_key": "scheduled__2"}), listener=Listener())
    assert len(list((tmp_path / "scores").glob("*.parquet"))) == 2


def test_a_full_disk_is_named_and_the_job_goes_on_when_there_is_space(scored: Job, table: Path, tmp_path: Path) -> None:
    said = []
    with mounted(tmp_path / "volume", size="256k") as volume:
        ballast = volume / "ballast"
        with contextlib.suppress(OSError):
            fill(ballast)
        for _ in range(60):
            try:
                scored(str(table), str(volume / "scores.parquet"))
                break
            except MlyardError as error:
                said.append(str(error))
                assert not (volume / "scores.parquet").exists()
                with ballast.open("r+b") as stream:
                    stream.truncate(max(0, ballast.stat().st_size - 4096))
        rows = parquet.read_table(volume / "scores.parquet")
        assert sorted(map(int, rows["id"].to_pylist())) == list(range(2_500))
        assert {path.name for path in volume.iterdir()} == {"ballast", "scores.parquet"}
    assert len(said) > 5
    assert all("(its disk is full): free space there" in sentence for sentence in said), said
