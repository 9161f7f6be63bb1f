"""The contract of a registered model version: `mlyard.json`, and the digests that bind every file to it."""

import hashlib
import json
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from mlyard_shared.contract import Contract
from mlyard_shared.errors import DigestMismatch, ModelVersionRefused
from mlyard_shared.metrics import MetricName, Task
from mlyard_shared.schema import Schema
from mlyard_shared.snapshot import Snapshot

CONTRACT_VERSION = 1
"""Raised with every change of a field. Readers take this one and the one before."""

MANIFEST_FILE = "mlyard.json"
MODEL_FILE = "model.skops"
ONNX_FILE = "model.onnx"
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class OnnxParity(Contract):
    """How far the ONNX twin's answers are from scikit-learn's, over the rows of the holdout.

    `max_difference` is absolute for probabilities, and in standard deviations of the target for a regression.
    """

    rows: int
    label_mismatches: int
    max_difference: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the twin may answer in scikit-learn's place."""
        return self.rows > 0 and self.label_mismatches == 0 and self.max_difference <= self.tolerance


class FeatureReference(Contract):
    """How a column was distributed in training, to measure drift against.

    Numbers and dates: `counts[i]` rows lie in [edges[i], edges[i+1]) and the last bin includes its right edge
    (a date as days since 1970-01-01). Categories: `counts[i]` rows are `categories[i]`.
    """

    column: str
    rows: int
    missing: int
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()


class HoldoutRule(Contract):
    """The rows that no version trains on: hash of `columns` below `fraction`, or event time from `boundary` on."""

    by: Literal["hash", "time"]
    columns: tuple[str, ...]
    fraction: float
    boundary: datetime | None = None


class Manifest(Contract):
    """Everything that a reader needs to run a version, and to trust its files."""

    contract: Literal[1] = 1
    model: str
    task: Task
    target: str
    classes: tuple[bool | int | str, ...] = ()
    input_schema: Schema
    reference: tuple[FeatureReference, ...]
    candidate: str
    estimator: str
    metric: MetricName
    metrics: dict[str, float]
    holdout: HoldoutRule
    snapshot: Snapshot
    run_id: str
    trained_at: datetime
    packages: dict[str, str]
    onnx: OnnxParity | None = None
    onnx_refused: str | None = None
    files: dict[str, Digest]


def file_digest(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below the folder but the manifest, by relative path.

    Raises:
        ModelVersionRefused: there is a symbolic link, which may lead out of the folder.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    for name, path in names.items():
        if path.is_symlink():
            raise ModelVersionRefused(f"{name} is a symbolic link; a version holds plain files only")
    return {name: file_digest(path) for name, path in names.items() if name != MANIFEST_FILE}


def write_manifest(folder: Path, manifest: Manifest) -> str:
    """Write `mlyard.json` into a version's folder and return its SHA-256, which goes into the version's tag."""
    file = folder / MANIFEST_FILE
    file.write_text(json.dumps(manifest.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return file_digest(file)


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest of this contract version, or of the one before.

    Raises:
        ModelVersionRefused: it is none, or of a version that this reader does not know.
    """
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise ModelVersionRefused(f"{MANIFEST_FILE} is not JSON") from None
    version = document.get("contract") if isinstance(document, dict) else None
    readable = range(max(1, CONTRACT_VERSION - 1), CONTRACT_VERSION + 1)
    if not isinstance(version, int) or isinstance(version, bool) or version not in readable:
        known = " and ".join(str(number) for number in readable)
        raise ModelVersionRefused(f"{MANIFEST_FILE} is of contract version {version!r}; this reader knows {known}")
    try:
        return Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelVersionRefused(f"{MANIFEST_FILE}: {where}: {first['msg']}") from None


def verify_folder(folder: Path, *, manifest_digest: str) -> Manifest:
    """Read a version's manifest after checking every file in its folder against it.

    Args:
        folder: the version's files.
        manifest_digest: the SHA-256 of `mlyard.json`, from the version's tag in the registry.

    Raises:
        DigestMismatch: a file differs from what was registered.
        ModelVersionRefused: a file is missing, or there is one more than was registered.
    """
    file = folder / MANIFEST_FILE
    if not file.is_file():
        raise ModelVersionRefused(f"{MANIFEST_FILE} is missing")
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != manifest_digest:
        raise DigestMismatch(MANIFEST_FILE, expected=manifest_digest, found=found)
    manifest = parse_manifest(content)
    for name in manifest.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ModelVersionRefused(f"{MANIFEST_FILE} names a file outside of the version: {name}")
        if not (folder / name).is_file():
            raise ModelVersionRefused(f"{name} is missing")
    for name, digest in folder_digests(folder).items():
        expected = manifest.files.get(name)
        if expected is None:
            raise ModelVersionRefused(f"{name} was not registered with this version")
        if digest != expected:
            raise DigestMismatch(name, expected=expected, found=digest)
    return manifest
