"""What a person is told of an error that trying again does not change."""

from mlyard_shared.errors import MlyardError
from mlyard_shared.storage import storage_fault


def sentence(error: BaseException) -> str | None:
    """The sentence on a mistake, or on what the machine lacks; None for an error that nobody foresaw."""
    if isinstance(error, MlyardError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory for this training: use fewer columns or rows, or give it more memory"
    fault = storage_fault(error) if isinstance(error, OSError) else None
    return fault.sentence() if fault else None
