"""The model spec: the one file that a user writes to get a model."""

from mlyard_shared.spec.candidates import Candidate
from mlyard_shared.spec.features import Features
from mlyard_shared.spec.files import read_spec
from mlyard_shared.spec.folder import read_specs
from mlyard_shared.spec.gate import Gate
from mlyard_shared.spec.holdout import Holdout
from mlyard_shared.spec.model import ModelSpec
from mlyard_shared.spec.sink import Sink
from mlyard_shared.spec.source import Source

__all__ = ["Candidate", "Features", "Gate", "Holdout", "ModelSpec", "Sink", "Source", "read_spec", "read_specs"]
