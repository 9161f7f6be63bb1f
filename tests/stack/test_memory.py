"""A version that does not fit into the memory of the API's container."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from ports import free_ports
from waiting import wait_until

from .docker import docker, inspect, run
from .stack import ROOT

pytestmark = pytest.mark.full

NAME = "mlyard-test-memory"
KEY = "a-key-for-the-tests"
CACHE = "/var/lib/mlyard/cache"


class Api:
    """The API in a container with 600 MB, on a volume with a version that takes a part of them."""

    def __init__(self, image: str) -> None:
        self.image = image
        [self.port] = free_ports(1)
        self.volume = ("--volume", f"{NAME}:/var/lib/mlyard")

    def fill(self, megabytes: int) -> None:
        """Write the versions, by the image's own Python."""
        files = (
            ("--volume", f"{ROOT / 'packages/model_api/tests'}:/api_tests:ro"),
            ("--volume", f"{ROOT / 'tests/stack/large_versions.py'}:/large_versions.py:ro"),
        )
        mounts = [word for pair in (self.volume, *files) for word in pair]
        docker("volume", "create", NAME)
        script = f"python /large_versions.py {CACHE} {megabytes}"
        docker("run", "--rm", *mounts, "--entrypoint", "sh", self.image, "-c", script, seconds=300)

    def start(self) -> None:
        variables = ("MLYARD_MODEL_API_REGISTRY_URI=http://127.0.0.1:9", f"MLYARD_MODEL_API_API_KEY={KEY}")
        options = [word for variable in variables for word in ("--env", variable)]
        limits = ("--memory", "600m", "--memory-swap", "600m", "--restart", "unless-stopped")
        port = f"127.0.0.1:{self.port}:8000"
        docker("run", "--detach", "--name", NAME, *limits, *self.volume, *options, "--publish", port, self.image)

    def remove(self) -> None:
        run("docker", "rm", "--force", NAME, check=False)
        run("docker", "volume", "rm", "--force", NAME, check=False)

    def model(self, name: str) -> dict[str, Any]:
        """What the API says of a model; nothing where it does not serve it."""
        try:
            response = httpx.get(
                f"http://127.0.0.1:{self.port}/models/{name}", headers={"Authorization": f"Bearer {KEY}"}, timeout=10
            )
        except httpx.TransportError:
            return {}
        found: dict[str, Any] = response.json()
        return found if response.is_success else {}

    def wait_for(self, name: str, version: int) -> None:
        wait_until(
            lambda: self.model(name).get("version") == version, seconds=240, what=f"version {version} of {name} serves"
        )


@pytest.fixture
def api(images: dict[str, str]) -> Iterator[Api]:
    api = Api(images["model_api"])
    api.remove()
    try:
        yield api
    finally:
        api.remove()


def test_a_version_that_ends_the_container_twice_is_refused_and_tried_again_with_more_memory(api: Api) -> None:
    api.fill(300)
    api.start()
    api.wait_for("large", 1)
    api.wait_for("small", 1)
    assert inspect(NAME)["RestartCount"] == 2
    refused = api.model("large")["refused"]
    assert refused["version"] == 2
    assert refused["reason"].startswith("the process that loaded it ended 2 times, as when 600 MiB of memory are too")
    docker("update", "--memory", "2g", "--memory-swap", "2g", NAME)
    docker("restart", NAME)
    api.wait_for("large", 2)
    assert api.model("large")["refused"] is None


def test_a_version_that_cannot_fit_is_refused_with_the_figures(api: Api) -> None:
    api.fill(900)
    api.start()
    api.wait_for("large", 1)
    api.wait_for("small", 1)
    assert inspect(NAME)["RestartCount"] == 0
    reason = api.model("large")["refused"]["reason"]
    assert reason.startswith("it needs 900 MiB of memory, and ")
    assert reason.endswith("of 600 MiB are free: give this process more memory")


def test_the_kernel_ends_a_trial_and_not_the_api(api: Api) -> None:
    api.fill(300)
    code = (
        "from pathlib import Path\nfrom mlyard_model_api.serving import trial\n"
        f"try:\n    print(trial.run(next(Path('{CACHE}/large').glob('2-*')), seconds=60))\n"
        "except trial.TrialDied as error:\n    print('died:', error)\n"
    )
    limits = ("--memory", "600m", "--memory-swap", "600m")
    told = docker("run", "--rm", *limits, *api.volume, "--entrypoint", "python", api.image, "-c", code, seconds=120)
    assert told.startswith("died: its trial died: the process was ended by SIGKILL; memory is limited to 600 MiB")
