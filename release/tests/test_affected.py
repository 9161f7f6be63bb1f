"""What a change touches: in this repository, and on a small one with a history."""

import json
import subprocess
from pathlib import Path

import pytest
from mlyard_release import affected, checks
from mlyard_release.packages import ROOT

OURS = affected.Repository(ROOT)
API = {"model-api:test", "contract:test", "protocol-clients:test"}
SERVICES = {"mlflow-server:test", "training-pipeline:test", *API}
STACK = {"test-e2e", "test-stack"}
CASES = {
    "packages/shared/src/mlyard_shared/decision.py": {"shared:test", *SERVICES, *STACK},
    "packages/shared/pyproject.toml": {"shared:test", *SERVICES, "test-stack"},
    "packages/shared/tests/test_decision.py": {"shared:test", "test-stack"},
    "packages/model_api/src/mlyard_model_api/app.py": {*API, *STACK},
    "packages/model_api/tests/test_server.py": {"model-api:test", "test-stack"},
    "packages/model_api/Dockerfile": {"model-api:test", "test-stack"},
    "packages/training_pipeline/README.md": {"training-pipeline:test", *STACK},
    "tests/contract/test_serving.py": {"contract:test"},
    "compose/model_api.yaml": STACK,
    "compose/local/mlyard_local/up.py": {"local:test", *STACK},
    "docs/architecture.md": set(),
    "tests/benchmarks/dataset.py": set(),
}


@pytest.mark.parametrize("file", CASES)
def test_a_file_touches_what_is_made_of_it(file: str) -> None:
    assert (ROOT / file).exists()
    touched = {one.command for one in OURS.touched([file])}
    assert touched == CASES[file] | {"check"}


@pytest.mark.parametrize("file", ["pyproject.toml", "tests/suites.py", ".ci/run", "conftest.py"])
def test_what_every_suite_runs_with_touches_all(file: str) -> None:
    every = {command for command, _, _ in OURS.suites()}
    assert {one.command for one in OURS.touched([file])} == {*every, *STACK, "check"}


def test_a_sibling_that_only_the_metadata_names_counts(tmp_path: Path) -> None:
    environments = {name: {"scripts": {"test": f"pytest {{root}}/packages/{name}/tests"}} for name in ("one", "two")}
    lines = [
        f'[tool.hatch.envs.{name}.scripts]\ntest = "{one["scripts"]["test"]}"' for name, one in environments.items()
    ]
    (tmp_path / "pyproject.toml").write_text("\n".join(lines))
    for name, dependencies in (("one", []), ("two", ["mlyard-one[extra]>=1"])):
        folder = tmp_path / "packages" / name
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(f'[project]\nname = "mlyard-{name}"\ndependencies = {dependencies}\n')
    touched = affected.Repository(tmp_path).touched(["packages/one/src/mlyard_one/thing.py"])
    assert {one.command: one.reason for one in touched if one.command.endswith(":test")} == {
        "one:test": "packages/one/src/mlyard_one/thing.py is in one, which it runs",
        "two:test": "packages/one/src/mlyard_one/thing.py is in one, which it runs",
    }


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A clone of nothing but the metadata, with a branch that has one more commit, and a file that is not committed."""
    for file in ("pyproject.toml", *(str(file.relative_to(ROOT)) for file in ROOT.glob("packages/*/pyproject.toml"))):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    git(tmp_path, "switch", "--quiet", "--create", "change")
    (tmp_path / "packages/model_api/src").mkdir()
    (tmp_path / "packages/model_api/src/app.py").touch()
    commit(tmp_path)
    git(tmp_path, "switch", "--quiet", "main")
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose/compose.yaml").touch()
    commit(tmp_path)
    git(tmp_path, "switch", "--quiet", "change")
    return tmp_path


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(
        root, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--allow-empty", "--message", "a commit"
    )


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), *words], check=True)


def test_what_others_did_since_on_main_is_none_of_the_change(branch: Path) -> None:
    assert affected.changed("main", branch) == ["packages/model_api/src/app.py"]


def test_what_is_not_committed_counts_too(branch: Path) -> None:
    (branch / "packages/shared/new.py").touch()
    assert affected.changed("main", branch) == ["packages/model_api/src/app.py", "packages/shared/new.py"]


def test_people_read_the_reasons_and_programs_a_list(branch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert affected.main([], root=branch) == 0
    reasons = capsys.readouterr().out
    assert "hatch run model-api:test          packages/model_api/src/app.py is in model_api, which it runs" in reasons
    assert affected.main(["--json"], root=branch) == 0
    commands = json.loads(capsys.readouterr().out)
    assert {"model-api:test", "contract:test", "check"} <= set(commands)
    assert "shared:test" not in commands


def test_a_base_that_does_not_exist_is_said_in_a_line(branch: Path) -> None:
    with pytest.raises(SystemExit, match="git: fatal: Not a valid object name gone"):
        affected.main(["--base", "gone"], root=branch)


SHARED_TYPES = {f"{name}:types" for name in ("shared", "mlflow-server", "model-api", "training-pipeline", "contract")}


@pytest.mark.parametrize(
    ("file", "commands"),
    [
        ("docs/operations.md", {"lint:docs"}),
        (".github/workflows/test.yml", {"lint:workflows"}),
        ("packages/model_api/tests/test_server.py", {"lint:docs", "model-api:types"}),
        (
            "packages/training_pipeline/src/mlyard_training_pipeline/cli.py",
            {"lint:docs", "contract:written", "training-pipeline:types", "contract:types"},
        ),
        (
            "packages/shared/src/mlyard_shared/decision.py",
            {"lint:docs", "contract:written", "protocol-clients:types", *SHARED_TYPES},
        ),
    ],
)
def test_a_commit_waits_for_the_checks_that_it_can_alter(file: str, commands: set[str]) -> None:
    assert set(checks.chosen([file], OURS)) == {"lint:quick", *commands}


def test_nothing_but_checks_runs_before_a_commit() -> None:
    scripts = OURS.environments["lint"]["scripts"]
    whole = {f"lint:{name}" for name in scripts["all"]} | {
        command.removeprefix("hatch run ") for command in OURS.environments["default"]["scripts"]["check"]
    } - {"lint:all"}
    assert {*checks.PARTS, *checks.LONGER, *checks.types(OURS)} == whole
