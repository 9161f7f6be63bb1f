"""The errors of the stack: facts, no HTTP; each service translates them at its edge.

MlyardError
├── SettingsError             a setting or a secret file is missing or wrong
├── SpecError                 a model spec is wrong: file, key, what would be right
├── TableError                a table does not fit its spec: column, row, what would be right
├── TrainingError             the data and the candidates allow no model
├── ModelVersionRefused       a version's files break the contract, or nothing here can run it
│   └── DigestMismatch        a file differs from what was registered
└── RegistryError
    ├── RegistryUnavailable   no answer from the registry, try again later
    ├── RegistryDenied        the registry knows us, or not, and says no
    ├── ModelNotFound         no such model, version or alias
    └── PromotionConflict     another move is under way, or has just overtaken this one
"""


class MlyardError(Exception):
    """Root of every error that a user or another service may meet."""


class SettingsError(MlyardError):
    """A setting or a secret file is missing or wrong."""


class SpecError(MlyardError):
    """A model spec is wrong."""

    def __init__(self, file: str, problems: tuple[str, ...]) -> None:
        self.file = file
        self.problems = problems
        super().__init__(f"{file}: {'; '.join(problems)}")


class TableError(MlyardError):
    """A table does not fit its spec."""


class TrainingError(MlyardError):
    """The data and the candidates allow no model."""


class ModelVersionRefused(MlyardError):
    """A model version breaks the contract, or nothing here can run it."""


class DigestMismatch(ModelVersionRefused):
    """A file of a model version differs from what was registered."""

    def __init__(self, file: str, *, expected: str, found: str) -> None:
        self.file = file
        super().__init__(f"{file} has the SHA-256 {found}, but {expected} was registered")


class RegistryError(MlyardError):
    """The registry did not do what was asked."""


class RegistryUnavailable(RegistryError):
    """No answer from the registry: the same call may work later."""

    def __init__(self, uri: str, cause: str) -> None:
        self.uri = uri
        super().__init__(f"no answer from the registry at {uri}: {cause}")


class RegistryDenied(RegistryError):
    """The registry refused our credentials or our right to do this."""


class ModelNotFound(RegistryError):
    """No such model, version or alias."""


class PromotionConflict(RegistryError):
    """Another move of the same model is under way, or has overtaken this one."""
