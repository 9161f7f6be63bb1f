"""The errors of the stack: facts, no HTTP; each service translates them at its edge.

MlyardError
├── SettingsError             a setting or a secret file is missing or wrong
├── SpecError                 a model spec is wrong: file, key, what would be right
├── TableError                a table does not fit its spec: column, row, what would be right
│   └── SourceUnavailable     no answer from the database of a query, try again later
├── TrainingError             the data and the candidates allow no model
├── ModelVersionRefused       a version's files break the contract, or nothing here can run it
│   └── DigestMismatch        a file differs from what was registered
├── ModelFailed               a model raised an error, or its answer is not what it claims to be
├── NotComputable             a model has no finite answer for a row
└── RegistryError
    ├── RegistryUnavailable   no answer from the registry, try again later
    ├── RegistryDenied        the registry knows us, or not, and says no
    ├── ModelNotFound         no such model, version or alias
    ├── ExperimentMissing     an experiment was deleted, or belongs to another registry
    ├── RunMissing            a run was deleted, or belongs to another registry
    ├── ArtifactMissing       the files of a run or a version are not where they were stored
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


class SourceUnavailable(TableError):
    """The database of a query does not answer, or went away: the same query may work later."""


class TrainingError(MlyardError):
    """The data and the candidates allow no model."""


class ModelVersionRefused(MlyardError):
    """A model version breaks the contract, or nothing here can run it."""


class DigestMismatch(ModelVersionRefused):
    """A file of a model version differs from what was registered."""

    def __init__(self, file: str, *, expected: str, found: str) -> None:
        self.file = file
        super().__init__(f"{file} has the SHA-256 {found}, but {expected} was registered")


class ModelFailed(MlyardError):
    """A model raised an error, or its answer is not what it claims to be."""


class NotComputable(MlyardError):
    """A model has no finite answer for a row."""

    def __init__(self, message: str, *, row: int) -> None:
        self.row = row
        super().__init__(message)


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


class ExperimentMissing(RegistryError):
    """An experiment was deleted, or belongs to another registry."""

    def __init__(self, experiment: str, uri: str, *, in_trash: bool) -> None:
        self.experiment = experiment
        if in_trash:
            number = experiment.split(maxsplit=1)[0]
            super().__init__(
                f"experiment {experiment} of the registry at {uri} is in MLflow's trash: bring it back with "
                f"`mlflow experiments restore --experiment-id {number}`, or empty the trash with `mlflow gc`"
            )
        else:
            super().__init__(
                f"the registry at {uri} has no experiment {experiment}: it was deleted, or the database was replaced"
            )


class RunMissing(RegistryError):
    """A run was deleted, or belongs to another registry."""

    def __init__(self, run_id: str, uri: str) -> None:
        self.run_id = run_id
        super().__init__(f"the registry at {uri} has no run {run_id}: it was deleted, or the database was replaced")


class ArtifactMissing(RegistryError):
    """The files of a run or a version are not where they were stored; trying again does not bring them back."""

    def __init__(self, what: str, uri: str) -> None:
        self.what = what
        super().__init__(f"the registry at {uri} has lost {what}")


class PromotionConflict(RegistryError):
    """Another move of the same model is under way, or has overtaken this one."""
