"""Working on one service in the running stack: its sources are mounted, and it starts again on every save."""

import shutil
from pathlib import Path

import httpx
import pytest
from waiting import wait_until

from .stack import COMPOSE, ROOT, Stack

pytestmark = pytest.mark.full


def test_a_saved_file_is_what_runs_while_the_others_stay_as_built(trained: Stack, tmp_path: Path) -> None:
    for folder in ("compose", "packages"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    source = tmp_path / "packages/model_api/src/mlyard_model_api/app.py"
    original = source.read_text()
    before = trained.containers()
    trained.place, trained.files = tmp_path / "compose", ("compose.yaml", "compose.dev.yaml")
    try:
        trained.compose("up", "--detach", "--no-deps", "model-api")
        after = trained.containers()
        assert {service for service in before if before[service] != after[service]} == {"model-api"}
        wait_until(trained.is_serving, seconds=60, what="the service from its mounted sources")
        source.write_text(original.replace('title="mlyard model API"', 'title="saved a moment ago"'))
        wait_until(
            lambda: httpx.get(f"{trained.api}/openapi.json", timeout=5).json()["info"]["title"] == "saved a moment ago",
            seconds=30,
            what="the saved file running",
        )
        source.write_text("this is no Python")
        wait_until(lambda: "waiting for a change" in trained.logs("model-api"), seconds=30, what="the mistake shown")
        source.write_text(original)
        wait_until(trained.is_serving, seconds=30, what="the mended file running")
        assert trained.containers() == after
    finally:
        trained.place, trained.files = COMPOSE, ("compose.yaml",)
        trained.up()
        trained.wait_until_healthy()


def test_the_overlay_names_the_sources_of_each_service() -> None:
    overlay = (COMPOSE / "compose.dev.yaml").read_text()
    for package in ("mlflow_server", "model_api", "training_pipeline", "shared"):
        assert f"../packages/{package}/src" in overlay
