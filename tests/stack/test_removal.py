"""The end: what `down` keeps, and what `down -v` takes."""

import pytest

from .docker import docker
from .stack import Stack

pytestmark = pytest.mark.last


def test_down_with_volumes_leaves_nothing(trained: Stack) -> None:
    trained.down("--volumes")
    label = f"label=com.docker.compose.project={trained.project}"
    assert trained.containers() == {}
    assert docker("volume", "ls", "--quiet", "--filter", label) == ""
    assert docker("network", "ls", "--quiet", "--filter", label) == ""
