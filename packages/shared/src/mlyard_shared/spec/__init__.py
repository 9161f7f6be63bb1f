"""The model spec: the one file that a user writes to get a model."""

from mlyard_shared.spec.files import read_spec
from mlyard_shared.spec.folder import read_specs
from mlyard_shared.spec.model import Candidate, Features, Gate, Holdout, ModelSpec, Source

__all__ = ["Candidate", "Features", "Gate", "Holdout", "ModelSpec", "Source", "read_spec", "read_specs"]
