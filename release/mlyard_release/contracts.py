"""The contracts between the packages: their written forms, and whether the code still keeps them.

hatch run contracts                 write them anew
hatch run contracts --check         fail where code and written form differ
hatch run contracts --unreleased    write even what breaks a contract, as long as no release has that version of it

A written form is `packages/PACKAGE/contracts/NAME.json`: the contract's version, its JSON Schema or OpenAPI document
without descriptions, and what its golden examples say, key by key.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlyard_release import examples, releases
from mlyard_release.differences import differences
from mlyard_release.packages import ROOT
from mlyard_release.written import CONTRACTS, Unwritten, Written

COMMAND = "hatch run contracts"


def problems(contract: Written, root: Path) -> Iterator[str]:
    """What keeps a contract from being kept: it differs from its written form, or breaks a release's."""
    file = root / contract.file
    now = contract.document(root)
    yield from _without_example(contract, root)
    if not file.exists():
        yield f"{contract.title} has no written form; run `{COMMAND}`"
        return
    before = json.loads(file.read_text())
    if now == before:
        yield from broken(contract, now, released(contract, root))
        return
    last = released(contract, root)
    is_free = last is None or last["version"] != now["version"]
    hint = f"; as no release has {now['version']} yet, `{COMMAND} --unreleased` keeps the number" if is_free else ""
    needed = [f"{one}{hint}" for one in broken(contract, now, before)]
    yield from needed
    if not needed:
        changed = [str(one) for one in differences(before["schema"], now["schema"])]
        changed += [f"the example {file} is new" for file in _new_examples(before, now)]
        changed = changed or ["another version"]
        yield from (f"{contract.title}: {one}; run `{COMMAND}` and commit {contract.file}" for one in changed)


def broken(contract: Written, now: Any, before: Any) -> Iterator[str]:
    """Each change since an earlier form that the contract's version does not tell of."""
    if before is None:
        return
    raised = _rise(before["version"], now["version"])
    for one in differences(before["schema"], now["schema"]):
        needed = contract.needs(one)
        if raised < needed:
            part = "minor version" if needed == Written.MINOR else "version"
            yield (
                f"{contract.title}: {one}, and its version is still {now['version']}; "
                f"raise the {part} in {contract.constant}, then run `{COMMAND}`"
            )
    if raised < Written.MAJOR:
        for change in examples.changes(before.get("examples", {}), now.get("examples", {})):
            yield (
                f"{contract.title}: its example {change}, and its version is still {now['version']}; what an example "
                "says stays as it is: put another one beside it, or where the contract changes raise the version in "
                f"{contract.constant}, then run `{COMMAND}`"
            )


def _without_example(contract: Written, root: Path) -> Iterator[str]:
    """What is missing where no example shows the present version to those who read it later."""
    folder = contract.examples.format(version=contract.version)
    if contract.examples and not any((root / folder).glob("*")):
        yield f"{contract.title}: there is no example of its version {contract.version} in {folder}"


def _new_examples(before: Any, now: Any) -> list[str]:
    return [file for file in now.get("examples", {}) if file not in before.get("examples", {})]


def released(contract: Written, root: Path) -> Any:
    """The contract's form in its package's last release that this clone has; None where there is none."""
    for version in reversed(releases.versions(contract.package, root=root)):
        try:
            revision = releases.commit(contract.package, version, root=root)
            return json.loads(releases.git(root, "show", f"{revision}:{contract.file}"))
        except (releases.NotReleased, subprocess.CalledProcessError):
            continue
    return None


def write(contract: Written, root: Path, *, unreleased: bool) -> Iterator[str]:
    """Write a contract's form; what stands in the way is returned, and then nothing is written."""
    file, now = root / contract.file, contract.document(root)
    before = json.loads(file.read_text()) if file.exists() and not unreleased else None
    found = list(dict.fromkeys([*broken(contract, now, before), *broken(contract, now, released(contract, root))]))
    if found:
        yield from found
        return
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _rise(before: str, now: str) -> int:
    """What was raised from one version to another."""
    old, new = releases.number(before), releases.number(now)
    if new[0] > old[0]:
        return Written.MAJOR
    return Written.MINOR if new > old else Written.NOTHING


def main(arguments: list[str], *, root: Path = ROOT) -> int:
    """Write or check all contracts; return 0 if each is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--unreleased", action="store_true")
    asked = parser.parse_args(arguments)
    found: list[str] = []
    for one in CONTRACTS:
        try:
            found += problems(one, root) if asked.check else write(one, root, unreleased=asked.unreleased)
        except Unwritten as error:
            found.append(f"{one.title}: {error}")
    for problem in found:
        print(problem, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
