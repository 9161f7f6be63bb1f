"""The image of a release, on a Docker Engine."""

import json
import subprocess
from collections.abc import Iterator

import pytest
from mlyard_release import build
from mlyard_release.packages import ROOT, packages
from mlyard_release.releases import git

API = packages(ROOT)["model_api"]
VERSIONS = ("0.0.1", "0.0.2")
"""Tags that no release has."""
LOOK = """
import importlib.metadata, json, subprocess
found = {one.name: one.version for one in importlib.metadata.distributions()}
system = subprocess.run(["dpkg-query", "--show"], capture_output=True, text=True, check=True).stdout.splitlines()
print(json.dumps([found, system]))
"""


@pytest.fixture
def images() -> Iterator[list[str]]:
    if not build.engine_answers():
        pytest.skip("there is no Docker Engine here")
    names = [f"{API.distribution}:{version}" for version in VERSIONS]
    try:
        yield names
    finally:
        subprocess.run(["docker", "rmi", "--force", *names], check=False, capture_output=True)


@pytest.mark.long
def test_two_images_of_one_commit_have_the_same_packages(images: list[str]) -> None:
    commit = git(ROOT, "rev-parse", "HEAD").strip()
    for version in VERSIONS:
        build.image(API, version, commit, "--no-cache", "--quiet")
        assert build.label(API, version) == commit
    first, second = (installed(name) for name in images)
    assert first == second
    [distributions, system] = first
    assert {"mlyard-model-api", "mlyard-shared", "onnxruntime"} <= set(distributions)
    assert len(system) > 50


def installed(image: str) -> list[dict[str, str]]:
    command = ["docker", "run", "--rm", "--network=none", "--entrypoint=python", image, "-c", LOOK]
    found: list[dict[str, str]] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found
