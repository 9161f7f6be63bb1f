"""The release command on a small repository, with the real git, Hatch, towncrier, uv and griffe."""

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlyard_release import build, release
from mlyard_release.packages import packages
from mlyard_release.releases import version_at
from mlyard_release.steps import Step

from . import repository as small


@pytest.fixture(scope="module", autouse=True)
def without_images() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        # An image of the small service would need a base image from the internet.
        patched.setattr(build, "engine_answers", lambda: False)
        for name in ("HATCH_ENV_ACTIVE", "VIRTUAL_ENV", "UV_CONSTRAINT"):
            patched.delenv(name, raising=False)
        yield


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return small.make(tmp_path)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with a release of the service, for tests that leave it as it is, and what the command has said."""
    root = small.make(tmp_path_factory.mktemp("released"))
    small.change(root, "service", says="Mends **a thing**, and\nanother.")
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        assert release.main(["service", "patch"], root=root) == 0
    return root, shown.getvalue()


def test_a_release_bumps_tells_commits_builds_and_tags(released: tuple[Path, str]) -> None:
    repository, shown = released
    assert small.version(repository, "service") == "1.0.1"
    assert "TAG:-1.0.1}" in (repository / "compose/service.yaml").read_text()
    example = (repository / "compose/.env.example").read_text()
    assert example == "# which\nMLYARD_SERVICE_TAG=1.0.1\nMLYARD_SHARED_TAGS=1.0.0\n"
    changelog = (repository / "packages/service/CHANGELOG.md").read_text()
    assert changelog.count("## ") == 2
    assert "<!-- releases -->\n\n## 1.0.1\n\n- Mends **a thing**, and\n  another.\n\n## 1.0.0\n" in changelog
    assert not list((repository / "packages/service/changes").glob("*"))
    assert (
        small.git(repository, "log", "-1", "--format=%s service-v1.0.1").strip()
        == "Release service 1.0.1 service-v1.0.1"
    )
    assert small.git(repository, "rev-parse", "service-v1.0.1^{commit}") == small.git(repository, "rev-parse", "HEAD")
    assert small.git(repository, "status", "--porcelain") == ""
    built = {file.name for file in (repository / "dist/service-v1.0.1").iterdir()}
    assert built == {"mlyard_service-1.0.1-py3-none-any.whl", "mlyard_service-1.0.1.tar.gz"}
    assert "now    run the tests" in shown


def test_a_second_run_changes_nothing(released: tuple[Path, str], capfd: pytest.CaptureFixture[str]) -> None:
    repository, _ = released
    before = small.state(repository)
    assert release.main(["service", "patch"], root=repository) == 0
    assert small.state(repository) == before
    assert "service 1.0.1 is released, and nothing has changed since" in capfd.readouterr().out


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param((0, 2, 3), id="at two"),
        pytest.param((0, 1, 1, 1, 1, 1), id="at every one", marks=pytest.mark.long),
    ],
)
def test_it_can_be_stopped_at_its_steps_and_run_again(
    turns: tuple[int, ...], repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    small.change(repository, "service")
    begun = small.git(repository, "rev-parse", "HEAD").strip()
    stops = 0
    with monkeypatch.context() as patched:
        for allowed in turns:
            patched.setattr(release, "run", stopping(after=allowed))
            stops += release.main(["service", "patch"], root=repository) == 130
    assert stops == len(turns) - 1
    assert small.git(repository, "log", "--format=%s", f"{begun}..HEAD").splitlines() == ["Release service 1.0.1"]
    assert small.git(repository, "tag", "--list", "service-v1.0.1").strip()
    assert (repository / "packages/service/CHANGELOG.md").read_text().count("## 1.0.1") == 1
    assert small.git(repository, "status", "--porcelain") == ""
    assert "the same command goes on" in capfd.readouterr().err


RUN = release.run


def stopping(*, after: int) -> object:
    """`release.run` for a person who presses Ctrl-C in the step after so many."""
    left = iter(range(after))

    def run(step: Step, *, dry_run: bool) -> None:
        if not step.is_done() and "tests" not in step.says and next(left, None) is None:
            raise KeyboardInterrupt
        RUN(step, dry_run=dry_run)

    return run


def test_a_dry_run_shows_all_of_it_and_changes_nothing(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    small.change(repository, "service", kind="feature", says="Tells the time.")
    before = small.state(repository)
    assert release.main(["service", "minor", "--dry-run"], root=repository) == 0
    shown = capfd.readouterr().out
    assert small.state(repository) == before
    for said in (
        "service 1.0.0 -> 1.1.0",
        "hatch run service:test",
        "compose/service.yaml",
        "- Tells the time.",
        "commit: Release service 1.1.0",
        "tag service-v1.1.0",
        "wheel and sdist into dist/service-v1.1.0",
    ):
        assert said in shown


NOT_READY: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "a file is not committed": (
        lambda root: (small.change(root, "service"), (root / "notes.txt").write_text("")),
        "service",
        "patch",
        "these files are not committed: notes.txt",
    ),
    "nothing is told": (
        lambda root: (small.write(root, "service", "1.0.0", source="OLD = 2\n"), small.commit(root)),
        "service",
        "patch",
        "there is no fragment in packages/service/changes",
    ),
    "a fragment has no kind": (
        lambda root: small.change(root, "service", kind="thing"),
        "service",
        "patch",
        "packages/service/changes/+thing.thing.md: call it +WORD.KIND.md",
    ),
    "a breaking change as a patch": (
        lambda root: small.change(root, "shared", kind="breaking"),
        "shared",
        "patch",
        "0.1.1 may not take away what 0.1.0 has, and this does: +thing.breaking.md",
    ),
    "a name that is gone": (
        lambda root: (
            small.write(root, "shared", "0.1.0", source="NEW = 1\n"),
            small.change(root, "shared"),
        ),
        "shared",
        "patch",
        "mlyard_shared.OLD: Public object was removed",
    ),
    "another release has begun": (
        lambda root: (small.write(root, "service", "2.0.0", source=""), small.change(root, "service")),
        "service",
        "patch",
        "service is at 2.0.0, as a release has begun, and its last one is 1.0.0",
    ),
    "a sibling's name that is not released": (
        lambda root: (
            small.write(root, "shared", "0.1.0", source="OLD = 1\nNEW = 2\n"),
            small.write_service(root, "1.0.0", requires="mlyard-shared>=0.1.0", uses="NEW"),
            small.change(root, "service"),
        ),
        "service",
        "patch",
        "it uses mlyard_shared.NEW, which shared 0.1.0 does not have: release shared first",
    ),
    "a sibling's version that is not released": (
        lambda root: (
            small.write_service(root, "1.0.0", requires="mlyard-shared>=0.5.0", uses="OLD"),
            small.change(root, "service"),
        ),
        "service",
        "patch",
        "it requires shared 0.5.0, and the newest release is 0.1.0: release shared first",
    ),
    "a test that fails": (
        lambda root: (
            (root / "packages/service/verdict").rename(root / "packages/service/gone"),
            small.change(root, "service"),
        ),
        "service",
        "patch",
        "`hatch run service:test` failed",
    ),
}


@pytest.mark.parametrize("case", NOT_READY)
def test_what_is_not_ready_is_said_and_nothing_is_released(
    case: str, repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    happens, package, part, says = NOT_READY[case]
    happens(repository)
    tags = small.git(repository, "tag", "--list")
    assert release.main([package, part], root=repository) == 1
    error = capfd.readouterr().err
    assert says in error
    assert "Traceback" not in error
    assert small.git(repository, "tag", "--list") == tags


def test_the_floor_is_raised_to_the_lowest_release_that_is_enough(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in ("0.2.0", "0.3.0"):
        small.write(repository, "shared", number, source="OLD = 1\nNEW = 2\n")
        small.commit(repository)
        small.git(repository, "tag", f"shared-v{number}")
    small.write_service(repository, "1.0.0", requires="mlyard-shared>=0.1.0", uses="NEW")
    small.change(repository, "service")
    assert release.main(["service", "patch"], root=repository) == 0, capfd.readouterr()
    assert '"mlyard-shared>=0.2.0"' in (repository / "packages/service/pyproject.toml").read_text()
    assert "raise its floor for shared from 0.1.0 to 0.2.0" in capfd.readouterr().out


def test_a_release_of_shared_names_who_wants_one_next_and_makes_it_if_asked(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small.change(repository, "shared")
    assert release.main(["shared", "patch"], root=repository) == 0
    assert "service 1.0.0 was made with shared 0.1.0: hatch run release service patch" in capfd.readouterr().out
    assert release.main(["shared", "patch", "--cascade"], root=repository) == 0, capfd.readouterr()
    assert "- Built with mlyard-shared 0.1.1." in (repository / "packages/service/CHANGELOG.md").read_text()
    assert version_at("shared", "service-v1.0.1", root=repository) == "0.1.1"
    capfd.readouterr()
    assert release.main(["shared", "patch", "--cascade"], root=repository) == 0
    assert "was made with" not in capfd.readouterr().out


@pytest.mark.long
def test_what_has_its_next_version_already_is_released_as_that(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small.change(repository, "shared")
    small.write_service(repository, "1.1.0", requires="mlyard-shared>=0.1.0", uses="OLD")
    for file in ("service.yaml", ".env.example"):
        place = repository / "compose" / file
        place.write_text(
            place.read_text()
            .replace("SERVICE_TAG:-1.0.0", "SERVICE_TAG:-1.1.0")
            .replace("SERVICE_TAG=1.0.0", "SERVICE_TAG=1.1.0")
        )
    changelog = repository / "packages/service/CHANGELOG.md"
    written = changelog.read_text().replace("## 1.0.0", "## 1.1.0\n\n- Tells more.\n\n## 1.0.0")
    changelog.write_text(written)
    small.commit(repository)
    assert release.main(["shared", "patch", "--cascade"], root=repository) == 0, capfd.readouterr()
    assert "hatch run release service minor" in capfd.readouterr().out
    assert small.git(repository, "tag", "--list", "service-*").split() == ["service-v1.0.0", "service-v1.1.0"]
    assert changelog.read_text() == written


def test_the_same_release_is_the_same_bytes(released: tuple[Path, str], tmp_path: Path) -> None:
    repository, _ = released
    first = dict(digests(repository / "dist/service-v1.0.1"))
    commit = small.git(repository, "rev-parse", "service-v1.0.1^{commit}").strip()
    # Whatever the working tree has meanwhile.
    (repository / "packages/service/src/mlyard_service/__init__.py").write_text("raise ImportError\n")
    try:
        build.distributions(packages(repository)["service"], commit, tmp_path)
    finally:
        small.git(repository, "checkout", "--quiet", "--", "packages")
    assert len(first) == 2
    assert dict(digests(tmp_path)) == first


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.iterdir()):
        yield file.name, hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_record_stands_in_for_a_tag(repository: Path) -> None:
    small.change(repository, "service")
    assert release.main(["service", "patch", "--record"], root=repository) == 0
    commit = small.git(repository, "rev-parse", "service-v1.0.1^{commit}").strip()
    assert f'"1.0.1" = "{commit}"' in (repository / "release/releases.toml").read_text()
    small.git(repository, "tag", "--delete", "service-v1.0.1")
    before = small.state(repository)
    assert release.main(["service", "patch"], root=repository) == 0
    assert small.state(repository) == before
