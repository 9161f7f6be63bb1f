"""Every distribution in this environment stands in its pinned files, at that version."""

import os
import re
from importlib import metadata
from pathlib import Path

import pytest

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", re.MULTILINE)
OWN = re.compile(r"^mlyard[-_]")
SEEDED = {"pip", "setuptools"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_nothing_unpinned_is_installed() -> None:
    files = [Path(path) for path in os.environ["UV_CONSTRAINT"].split()]
    if not files:
        pytest.skip("this environment is not pinned: it has the lowest or the newest versions that the metadata allow")
    pins = {(canonical(name), version) for file in files for name, version in PIN.findall(file.read_text())}
    installed = {(canonical(d.name), d.version) for d in metadata.distributions()}
    assert not sorted((n, v) for n, v in installed - pins if not OWN.match(n) and n not in SEEDED)
