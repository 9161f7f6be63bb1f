"""The files of a version, bound to its manifest by their digests."""

import hashlib
import json
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from mlyard_shared.errors import DigestMismatch, ModelVersionRefused
from mlyard_shared.manifest import contract1, current
from mlyard_shared.manifest.current import CONTRACT_VERSION, MANIFEST_FILE, Manifest

SHARED = "mlyard-shared"
"""This distribution, by whose version a reader and a writer are told apart."""

READERS = {1: contract1.read, CONTRACT_VERSION: current.read}
"""How a manifest of each contract is read: this one and the one before."""


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
    """Write `mlyard.json` into a version's folder and return its SHA-256, which goes into the version's tag.

    Raises:
        ModelVersionRefused: the manifest's contract cannot say what it holds.
    """
    file = folder / MANIFEST_FILE
    document = contract1.write(manifest) if manifest.contract == 1 else manifest.model_dump(mode="json")
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return file_digest(file)


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest of this contract, or of the one before.

    Raises:
        ModelVersionRefused: it is not a manifest, or of a version that this reader does not know.
    """
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise ModelVersionRefused(f"{MANIFEST_FILE} is not JSON") from None
    version = document.get("contract") if isinstance(document, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version not in READERS:
        known = " and ".join(str(number) for number in READERS)
        refused = f"{MANIFEST_FILE} is of contract version {version!r}; this reader knows {known}"
        is_newer = isinstance(version, int) and version > CONTRACT_VERSION
        raise ModelVersionRefused(f"{refused}: {_reader(document)} reads its key contract" if is_newer else refused)
    try:
        return READERS[version](content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden" and version == CONTRACT_VERSION:
            own = f"{SHARED} {metadata.version(SHARED)}"
            what = f"is no key of contract {version} as {own} knows it: {_reader(document)} reads it"
        parts = (MANIFEST_FILE, where, what)
        raise ModelVersionRefused(": ".join(part for part in parts if part)) from None


def _reader(document: dict[str, Any]) -> str:
    """Who reads what this reader does not know: whoever wrote it, where the manifest says it."""
    packages = document.get("packages")
    wrote = packages.get(SHARED) if isinstance(packages, dict) else None
    if isinstance(wrote, str):
        return f"{SHARED} {wrote}, which wrote it,"
    return f"a newer {SHARED} than {metadata.version(SHARED)}"


def verify_folder(folder: Path, *, manifest_digest: str | None, beside: frozenset[str] = frozenset()) -> Manifest:
    """Read a version's manifest after checking every file in its folder against it.

    Args:
        folder: the version's files.
        manifest_digest: the SHA-256 of `mlyard.json`, from the version's tag in the registry; None where only that
            is at hand which the manifest itself says of the other files.
        beside: names of files that others may have put beside the version's.

    Raises:
        DigestMismatch: a file differs from what was registered.
        ModelVersionRefused: a file is missing, or there is one more than was registered.
    """
    file = folder / MANIFEST_FILE
    if not file.is_file():
        raise ModelVersionRefused(f"{MANIFEST_FILE} is missing")
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if manifest_digest is not None and found != manifest_digest:
        raise DigestMismatch(MANIFEST_FILE, expected=manifest_digest, found=found)
    manifest = parse_manifest(content)
    for name in manifest.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ModelVersionRefused(f"{MANIFEST_FILE} names a file outside of the version: {name}")
        if not (folder / name).is_file():
            raise ModelVersionRefused(f"{name} is missing")
    for name, digest in folder_digests(folder).items():
        expected = manifest.files.get(name)
        if expected is None and name in beside:
            continue
        if expected is None:
            raise ModelVersionRefused(f"{name} was not registered with this version")
        if digest != expected:
            raise DigestMismatch(name, expected=expected, found=digest)
    return manifest
