"""A registry of small real model versions, behind the door that MLflow's is behind: no MLflow, Airflow or Docker.

`versions/` has those of contract 2, made by `make_versions.py`; those of contract 1 are the golden ones in
`packages/shared/tests`, made by version 0.2.0.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from mlyard_shared.errors import ArtifactMissing
from mlyard_shared.manifest import MANIFEST_FILE
from mlyard_shared.registry import Alias, ModelVersion, Standing

HERE = Path(__file__).parent
FOLDERS = (HERE / "versions", HERE.parents[1] / "shared" / "tests" / "golden" / "contract1")


class FixtureRegistry:
    """Holds version 1 of each model, the champion. An archive that is added or replaced is seen at the next poll."""

    def served_models(self) -> tuple[str, ...]:
        """The names of all models."""
        return tuple(sorted(file.stem for folder in FOLDERS for file in folder.glob("*.zip")))

    def find(self, name: str, alias: Alias) -> ModelVersion | None:
        """Version 1, for the champion; a new manifest makes it another version to the API."""
        file = _archive(name)
        if file is None or alias != "champion":
            return None
        with zipfile.ZipFile(file) as archive:
            content = archive.read(MANIFEST_FILE)
        manifest = json.loads(content)
        return ModelVersion(
            name=name,
            version=1,
            manifest_sha256=hashlib.sha256(content).hexdigest(),
            gate_report=None,
            run_id=manifest["run_id"],
            created_at=datetime.fromisoformat(manifest["trained_at"]),
        )

    def standing(self, name: str) -> Standing:
        """When the model was made."""
        found = self.find(name, "champion")
        return Standing(model=found.created_at if found is not None else None)

    def download(self, version: ModelVersion, folder: Path, *, is_wanted: Callable[[], bool]) -> None:  # noqa: ARG002
        """Unpack a version into an empty folder."""
        file = _archive(version.name)
        if file is None:
            raise ArtifactMissing(f"the files of {version.name}", str(HERE))
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)


def _archive(name: str) -> Path | None:
    found = (folder / f"{name}.zip" for folder in FOLDERS)
    return next((file for file in found if file.is_file()), None)
