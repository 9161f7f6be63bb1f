"""A version of a model as the registry knows it, and what tells that mlyard registered it."""

import re
from datetime import UTC, datetime
from typing import Any

from mlyard_shared.contract import Contract
from mlyard_shared.errors import ModelVersionRefused, RegistryError

DIGEST_TAG = "mlyard.manifest_sha256"
GATE_TAG = "mlyard.gate_report"


class ModelVersion(Contract):
    """A registered version: where its manifest's digest and its gate report are found.

    `manifest_sha256` is empty for a version that was not registered by mlyard.
    """

    name: str
    version: int
    manifest_sha256: str
    gate_report: str | None
    run_id: str
    created_at: datetime


class Descriptions(Contract):
    """What the pages of a registered model and of a new version of it say, in Markdown; empty for nothing."""

    model: str = ""
    version: str = ""


class Standing(Contract):
    """When a model and the experiment of its promotions were made; None for what is not there.

    An experiment in MLflow's trash is there: it is gone only with its database.
    """

    model: datetime | None = None
    promotions: datetime | None = None


def read_version(found: Any) -> ModelVersion:
    """The version that MLflow's client found.

    Raises:
        RegistryError: what was answered is not a version.
    """
    if not found.name or not str(found.version).isdecimal() or not found.creation_timestamp:
        raise RegistryError("the registry answers with something other than a model's version; is it an MLflow server?")
    tags = found.tags or {}
    return ModelVersion(
        name=found.name,
        version=int(found.version),
        manifest_sha256=tags.get(DIGEST_TAG, ""),
        gate_report=tags.get(GATE_TAG),
        run_id=found.run_id or "",
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
    )


def check_own(version: ModelVersion) -> None:
    """Refuse a version that was registered by something else.

    Raises:
        ModelVersionRefused: the version has no digest of a manifest.
    """
    if not re.fullmatch("[0-9a-f]{64}", version.manifest_sha256):
        raise ModelVersionRefused(
            f"version {version.version} of {version.name} was not registered by mlyard: its tag {DIGEST_TAG} is missing"
        )
