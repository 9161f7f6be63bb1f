import fcntl
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlyard_training_pipeline.candidates import resources
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

HERE = len(os.sched_getaffinity(0))
NOWHERE = Path("/nowhere")


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        pytest.param(["max 100000"], HERE, id="no limit"),
        pytest.param(["100000 100000"], 1, id="one"),
        pytest.param(["50000 100000"], 1, id="less than one"),
        pytest.param(["max 100000", "150000 100000"], 1, id="one and a half, of the group around"),
        pytest.param(["99900000 100000"], HERE, id="more than there are"),
        pytest.param(["nonsense"], HERE, id="not a quota"),
    ],
)
def test_processors_are_those_of_the_machine_or_of_the_limit(tmp_path: Path, quotas: list[str], expected: int) -> None:
    folders = []
    for number, quota in enumerate(quotas):
        folders.append(tmp_path / str(number))
        folders[-1].mkdir()
        (folders[-1] / "cpu.max").write_text(f"{quota}\n")
    assert resources.processors(folders, NOWHERE) == expected


def test_quotas_of_the_first_kind_of_control_groups_hold_too(tmp_path: Path) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    assert resources.processors([NOWHERE], tmp_path) == 1
    (tmp_path / "cpu.cfs_quota_us").write_text("-1\n")
    assert resources.processors([NOWHERE], tmp_path) == HERE


def test_a_task_counts_those_that_run_beside_it(tmp_path: Path) -> None:
    with resources.place(tmp_path / "running") as first:
        assert first.running() == 1
        with resources.place(tmp_path / "running") as second:
            assert (first.running(), second.running()) == (2, 2)
        assert first.running() == 1
    assert list((tmp_path / "running").iterdir()) == []


def test_tasks_on_other_machines_take_no_processor_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "boot_id"
    other.write_text("another-machine\n")
    with resources.place(tmp_path / "running") as here:
        monkeypatch.setattr(resources, "_MACHINE", other)
        with resources.place(tmp_path / "running") as there:
            assert there.running() == 1
            monkeypatch.undo()
            assert here.running() == 1


def test_where_nothing_is_as_on_linux_tasks_share_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_MACHINE", NOWHERE)
    monkeypatch.delattr(os, "sched_getaffinity")
    assert resources.processors([NOWHERE], NOWHERE) == os.cpu_count()
    with resources.place(tmp_path / "running") as first, resources.place(tmp_path / "running"):
        assert first.running() == 2


def test_a_process_that_was_killed_holds_no_place(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from mlyard_training_pipeline.candidates import resources\n"
        "with resources.place(Path(sys.argv[1])): print('held', flush=True); sys.stdin.readline()\n"
        "    \n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with resources.place(tmp_path) as own:
            assert own.running() == 2
            process.kill()
            process.wait()
            assert own.running() == 1


@given(machine=st.integers(1, 128), others=st.integers(0, 20), said=st.one_of(st.none(), st.integers(1, 64)))
def test_shares_never_add_up_to_more_than_there_is_or_one_each(machine: int, others: int, said: int | None) -> None:
    class Held(resources.Place):
        def running(self) -> int:
            return others + 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "processors", lambda: machine)
        share = Held(NOWHERE, {} if said is None else {"OMP_NUM_THREADS": str(said)}).threads()
    assert share >= 1
    assert share == 1 or share * (others + 1) <= machine
    assert said is None or share <= said


def test_every_library_is_bounded_and_left_as_it_was() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

    draw = np.random.default_rng(1)
    HistGradientBoostingClassifier(max_iter=1).fit(draw.normal(size=(100, 2)), draw.integers(0, 2, 100))
    pools = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    arrow, variables = pa.cpu_count(), dict(os.environ)
    assert pools
    with resources.bounded(1):
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        assert (pa.cpu_count(), joblib.cpu_count(), _openmp_effective_n_threads()) == (1, 1, 1)
        found = subprocess.run(
            [sys.executable, "-c", "import os; print(os.environ['OMP_NUM_THREADS'])"],
            check=True,
            capture_output=True,
            text=True,
        )
        assert found.stdout == "1\n"
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()} == pools
    assert pa.cpu_count() == arrow
    assert dict(os.environ) == variables


def test_a_fit_takes_what_its_share_is_by_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "processors", lambda: 4)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    with resources.place(tmp_path) as own, resources.bounded(own.threads()):
        assert os.environ["OMP_NUM_THREADS"] == "4"
        with resources.place(tmp_path):
            pass
        beside = tmp_path / "beside"
        with beside.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            resources.share_again()
            assert os.environ["OMP_NUM_THREADS"] == "2"
            assert {pool["num_threads"] for pool in threadpool_info()} <= {1, 2}
        resources.share_again()
        assert os.environ["OMP_NUM_THREADS"] == "4"
    assert dict(os.environ) == before


def test_outside_of_a_step_nothing_is_changed() -> None:
    before = dict(os.environ)
    resources.share_again()
    assert dict(os.environ) == before
