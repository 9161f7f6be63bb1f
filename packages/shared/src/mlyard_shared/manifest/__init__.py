"""The contract of a registered model version: `mlyard.json`, and the digests that bind every file to it.

`current` is contract 2, which versions are written by; `contract1` reads versions of the contract before as one of
these; `files` binds a folder's files to its manifest.
"""

from mlyard_shared.manifest.current import (
    BACKGROUND_FILE,
    CONTRACT_VERSION,
    MANIFEST_FILE,
    MODEL_FILE,
    ONNX_FILE,
    Digest,
    EngineFile,
    FeatureReference,
    HoldoutRule,
    Manifest,
    OnnxParity,
)
from mlyard_shared.manifest.files import (
    file_digest,
    folder_digests,
    parse_manifest,
    verify_folder,
    write_manifest,
)

__all__ = [
    "BACKGROUND_FILE",
    "CONTRACT_VERSION",
    "MANIFEST_FILE",
    "MODEL_FILE",
    "ONNX_FILE",
    "Digest",
    "EngineFile",
    "FeatureReference",
    "HoldoutRule",
    "Manifest",
    "OnnxParity",
    "file_digest",
    "folder_digests",
    "parse_manifest",
    "verify_folder",
    "write_manifest",
]
