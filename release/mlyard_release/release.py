"""Release one package: `hatch run release PACKAGE {patch,minor,major}`.

Each step knows whether it has been done, so that a release that was stopped goes on where it was, and one that is
complete changes nothing. Nothing is published from here: that is the workflow's work, which a pushed tag starts.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from mlyard_release import changes, releases
from mlyard_release.packages import ROOT, Package, dependents, packages
from mlyard_release.steps import NotReady, Release, Step
from mlyard_release.versions import PARTS, Part, following


def main(arguments: list[str], *, root: Path = ROOT) -> int:
    """Run the command; return 0 where the release is complete."""
    known = packages(root)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", choices=known)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--dry-run", action="store_true", help="show each step, and change nothing")
    parser.add_argument("--record", action="store_true", help=f"also write the commit into {releases.RECORD}")
    parser.add_argument(
        "--cascade",
        action="store_true",
        help="then release the packages that require it, as patches where they have no next version yet",
    )
    asked = parser.parse_args(arguments)
    try:
        complete(known[asked.package], asked.part, dry_run=asked.dry_run, record=asked.record)
        return follow(known[asked.package], cascade=asked.cascade, dry_run=asked.dry_run, record=asked.record)
    except NotReady as error:
        print(f"release: {error}", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        words = " ".join(map(str, error.cmd))
        print(f"release: `{words}` failed: {error.stderr or 'see above'}", file=sys.stderr)
    except KeyboardInterrupt:
        print("release: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 1


def complete(package: Package, part: Part, *, dry_run: bool, record: bool) -> None:
    """Do what is left of a release.

    Raises:
        NotReady: something has to be done by a person before.
    """
    release = Release.of(package, part, record=record)
    if release is None:
        version = releases.versions(package.name, root=package.root)[-1]
        print(f"{package.name} {version} is released, and nothing has changed since")
        return
    print(f"{package.name} {release.before} -> {release.version}")
    for step in release.steps():
        run(step, dry_run=dry_run)


def run(step: Step, *, dry_run: bool) -> None:
    """Do a step unless it has been done, and say which."""
    if step.is_done():
        print(f"  done   {step.says}")
    elif dry_run:
        print(f"  to do  {step.says}")
        for line in step.shows().splitlines():
            print(f"         {line}")
    else:
        print(f"  now    {step.says}", flush=True)
        step.do()


def follow(package: Package, *, cascade: bool, dry_run: bool, record: bool) -> int:
    """Say which packages want a release next, as theirs were made beside an older version of this one; or make them."""
    known, root = packages(package.root), package.root
    newest = ["none", *releases.versions(package.name, root=root)][-1]
    for name in dependents(package.name, known):
        released = releases.versions(name, root=root)
        if not released or newest == "none":
            continue
        beside = releases.version_at(package.name, releases.commit(name, released[-1], root=root), root=root)
        if beside == newest:
            continue
        part = _due(known[name], released[-1])
        print(f"{name} {released[-1]} was made with {package.name} {beside}: hatch run release {name} {part}")
        if cascade and not dry_run:
            if not changes.fragments(known[name]) and not changes.is_told(known[name], following(released[-1], part)):
                changes.tell(known[name], f"Built with {package.distribution} {newest}.")
            complete(known[name], part, dry_run=dry_run, record=record)
    return 0


def _due(package: Package, released: str) -> Part:
    """The part that leads to the version that a package has already, or else a patch."""
    return next((part for part in PARTS if following(released, part) == package.project["version"]), "patch")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
