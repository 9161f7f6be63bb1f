"""The commands that only a workflow has use for."""

import json
from pathlib import Path

import pytest
from mlyard_release import affected, build, verdict

from . import repository as small


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("UV_CONSTRAINT", raising=False)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    return tmp_path / "outputs"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return small.make(tmp_path / "repository")


def test_a_tag_gives_distributions_and_a_bill_and_the_facts_of_the_release(repository: Path, outputs: Path) -> None:
    (repository / "packages/service/requirements.txt").write_text("click==8.2.0\n")
    small.write_service(repository, "1.0.1", requires="mlyard-shared>=0.1.0", uses="OLD")
    small.commit(repository)
    small.git(repository, "tag", "service-v1.0.1")
    assert build.main(["service-v1.0.1"], root=repository) == 0
    assert len(list((repository / "dist/service-v1.0.1").iterdir())) == 2
    bill = json.loads((repository / "dist/service-v1.0.1.cdx.json").read_text())
    assert [(one["name"], one["version"]) for one in bill["components"]] == [("click", "8.2.0")]
    assert bill["metadata"]["component"]["name"] == "mlyard-service"
    assert outputs.read_text() == "package=service\ndistribution=mlyard-service\nversion=1.0.1\nimage=false\n"


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("service", "give the tag of a release"),
        ("other-v1.0.0", "give the tag of a release"),
        ("service-v9.0.0", "there is no commit of service 9.0.0"),
        ("service-v1.0.2", "is at a commit with the version 1.0.0: tag it anew"),
    ],
)
def test_what_is_no_release_is_not_built(
    tag: str, says: str, repository: Path, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small.git(repository, "tag", "service-v1.0.2")
    assert build.main([tag], root=repository) != 0
    assert says in capsys.readouterr().err
    assert not (repository / "dist").exists()
    assert not outputs.exists()


def test_what_is_affected_is_handed_on(repository: Path, outputs: Path) -> None:
    small.change(repository, "service")
    assert affected.main(["--base", "HEAD~1", "--json"], root=repository) == 0
    assert outputs.read_text().startswith('commands=["')


@pytest.mark.parametrize(
    ("results", "passes"),
    [
        ({"affected": "success", "suite": "success"}, True),
        ({"affected": "success", "suite": "skipped"}, True),
        ({"affected": "success", "suite": "failure"}, False),
        ({"affected": "success", "suite": "cancelled"}, False),
        ({"affected": "failure", "suite": "skipped"}, False),
        ({"affected": "skipped", "suite": "skipped"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_the_verdict_is_that_of_all_jobs(
    results: dict[str, str], passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEEDS", json.dumps({name: {"result": result} for name, result in results.items()}))
    assert (verdict.main() == 0) is passes
