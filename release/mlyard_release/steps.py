"""The steps of a release, each with the fact that tells whether it has been done."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mlyard_release import affected, build, changes, floors, interface, passed, releases
from mlyard_release.packages import Package, Sibling, dependents, packages
from mlyard_release.releases import git, number
from mlyard_release.versions import Part, following, may_break, places


class NotReady(Exception):
    """A release has to wait for something that a person does."""


def _nothing() -> str:
    return ""


@dataclass(frozen=True)
class Step:
    """A part of a release: what it does in a phrase, whether that has been done, and what it would do in detail."""

    says: str
    is_done: Callable[[], bool]
    do: Callable[[], None]
    shows: Callable[[], str] = _nothing


@dataclass(frozen=True)
class Release:
    """A package on its way from one version to the next."""

    package: Package
    before: str
    version: str
    record: bool

    @classmethod
    def of(cls, package: Package, part: Part, *, record: bool) -> "Release | None":
        """Return the release that is to be made, or that has begun; None where nothing has changed since the last.

        Raises:
            NotReady: another release has begun.
        """
        released = releases.versions(package.name, root=package.root)
        before = ["0.0.0", *released][-1]
        version, current = following(before, part), package.project["version"]
        if current == before and not changes.fragments(package):
            commit = releases.commit(package.name, before, root=package.root)
            if not changes.since(package, commit):
                return None
        if current not in (before, version):
            raise NotReady(
                f"{package.name} is at {current}, as a release has begun, and its last one is {before}: "
                f"go on with it, or give its files the version {before} again"
            )
        return cls(package, before, version, record)

    @property
    def subject(self) -> str:
        """The commit's message."""
        return f"Release {self.package.name} {self.version}"

    @property
    def own(self) -> list[Path]:
        """The files that it changes."""
        files = {place.file for place in places(self.package)}
        return sorted({*files, self.package.folder / "CHANGELOG.md", self.package.folder / "changes"})

    def commit(self) -> str | None:
        """Its commit, if it has been made."""
        log = git(self.package.root, "log", "--format=%H %s", "-n", "1000").splitlines()
        return next((line[:40] for line in log if line[41:] == self.subject), None)

    def steps(self) -> Iterator[Step]:
        """What there is to do, in order.

        Raises:
            NotReady: something has to be done by a person before.
        """
        is_committed = self.commit() is not None
        if not is_committed:
            self._check()
            yield from self._floors()
            yield Step("run the tests of what it touches", self._has_passed, self._test, self._commands)
        yield Step(
            f"write {self.version} wherever the version stands",
            lambda: all(place.read() == self.version for place in places(self.package)),
            self._bump,
            lambda: "\n".join(str(place.file.relative_to(self.package.root)) for place in places(self.package)),
        )
        yield Step(
            "gather the changelog",
            lambda: changes.is_told(self.package, self.version) and not changes.fragments(self.package),
            lambda: changes.gather(self.package, self.version),
            lambda: changes.draft(self.package, self.version),
        )
        yield Step(f"commit: {self.subject}", lambda: self.commit() is not None, self._commit)
        yield from build.steps(self.package, self.version, self.commit, make=Step)
        name = releases.tag(self.package.name, self.version)
        yield Step(f"tag {name}", lambda: bool(git(self.package.root, "tag", "--list", name).strip()), self._tag)
        if self.record:
            yield Step(f"write its commit into {releases.RECORD}", lambda: False, self._record)

    def _check(self) -> None:
        """Raise `NotReady` where something is missing that only a person can give."""
        root = self.package.root
        own = [str(file.relative_to(root)) for file in self.own]
        status = git(root, "status", "--porcelain", "--untracked-files=all").splitlines()
        foreign = [line[3:] for line in status if not line[3:].startswith(tuple(own))]
        if foreign:
            raise NotReady(f"these files are not committed: {', '.join(foreign)}")
        told = changes.fragments(self.package)
        if misnamed := changes.misnamed(self.package):
            kinds = ", ".join(changes.KINDS)
            raise NotReady(f"{misnamed[0].relative_to(root)}: call it +WORD.KIND.md, with one of {kinds} as KIND")
        if not told and not changes.is_told(self.package, self.version):
            raise NotReady(f"there is no fragment in packages/{self.package.name}/changes: say there what has changed")
        if not may_break(self.before, self.version):
            taken = [file.name for file in changes.breaking(self.package)] or self._breakages()
            if taken:
                what = "; ".join(taken)
                raise NotReady(f"{self.version} may not take away what {self.before} has, and this does: {what}")

    def _breakages(self) -> list[str]:
        """What it takes away from those that import it."""
        if self.before == "0.0.0" or not dependents(self.package.name, packages(self.package.root)):
            return []
        return interface.breakages(self.package, self.before)

    def _floors(self) -> Iterator[Step]:
        """Raise the floor of each sibling to the lowest release with which the package works.

        Raises:
            NotReady: no release of the sibling is enough.
        """
        for sibling in self.package.siblings():
            needed = self._lowest(sibling)
            if needed != sibling.floor:
                says = f"raise its floor for {sibling.package} from {sibling.floor} to {needed}"
                yield Step(says, lambda: False, partial(self._raise, sibling, needed))

    def _lowest(self, sibling: Sibling) -> str:
        """The lowest release, from the floor on, that has every name which the package imports."""
        other = packages(self.package.root)[sibling.package]
        released = releases.versions(sibling.package, root=self.package.root)
        enough = [one for one in released if number(one) >= number(sibling.floor)]
        absent: list[str] = []
        for version in enough:
            absent = interface.missing(self.package, other, version)
            if not absent:
                return version
        if absent:
            why = f"it uses {absent[0]}, which {sibling.package} {enough[-1]} does not have"
        else:
            why = (
                f"it requires {sibling.package} {sibling.floor}, and the newest release is {(released or ['none'])[-1]}"
            )
        raise NotReady(f"{why}: release {sibling.package} first")

    def _raise(self, sibling: Sibling, floor: str) -> None:
        file = self.package.folder / "pyproject.toml"
        name = f"mlyard-{sibling.package.replace('_', '-')}"
        pattern = rf'("{name}(?:\[[\w,]+\])?>=){re.escape(sibling.floor)}"'
        file.write_text(re.sub(pattern, rf'\g<1>{floor}"', file.read_text()))

    def _commands(self) -> str:
        return "\n".join(f"hatch run {command}" for command in self._suites())

    def _suites(self) -> list[str]:
        """The suites that run the package."""
        repository = affected.Repository(self.package.root)
        return [command for command, _, parts in repository.suites() if self.package.name in parts]

    def _has_passed(self) -> bool:
        return all(passed.has(self.package.root, command) for command in (*self._suites(), self._floors_title))

    @property
    def _floors_title(self) -> str:
        return f"floors of {self.package.name}"

    def _test(self) -> None:
        root = self.package.root
        for command in self._suites():
            if not passed.has(root, command):
                subprocess.run(["hatch", "run", command], cwd=root, check=True)
                passed.note(root, command)
        for sibling in Package(self.package.root, self.package.name).siblings():
            wrong = floors.check(self.package, sibling, sibling.floor)
            if wrong is not None:
                raise NotReady(f"{wrong}: raise it")
        passed.note(root, self._floors_title)

    def _bump(self) -> None:
        for place in places(self.package):
            place.write(self.version)

    def _commit(self) -> None:
        git(self.package.root, "add", "--all")  # there is nothing else, as has been checked
        # Where the version and the changelog stood already, the commit says that this is the release.
        git(self.package.root, "commit", "--quiet", "--allow-empty", "--message", self.subject)

    def _tag(self) -> None:
        name, commit = releases.tag(self.package.name, self.version), self.commit()
        git(self.package.root, "tag", "--annotate", "--message", self.subject, name, str(commit))

    def _record(self) -> None:
        releases.record(self.package.name, self.version, str(self.commit()), root=self.package.root)
        message = f"Record the commit of {self.package.name} {self.version}"
        git(self.package.root, "commit", "--quiet", "--message", message, "--", releases.RECORD)
