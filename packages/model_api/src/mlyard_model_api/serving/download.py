"""The download of a version in a process of its own, which is stopped at a limit of time or of bytes.

`python -m mlyard_model_api.serving.download` is that process. MLflow's client cannot be stopped in a thread.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlyard_shared.account import Account
from mlyard_shared.errors import RegistryError, RegistryUnavailable
from pydantic import SecretStr

from mlyard_model_api.serving import children, memory

if TYPE_CHECKING:  # the module imports MLflow, which takes seconds
    from mlyard_shared.registry import ModelVersion


class Limits(NamedTuple):
    """What a download may take."""

    seconds: float
    bytes: int


class DownloadFailed(RegistryError):
    """A version's files did not arrive."""

    def __init__(self, reason: str, *, is_away: bool = False) -> None:
        """`is_away`: the registry gave no answer, and may give one when it is back."""
        self.is_away = is_away
        super().__init__(reason)


def run(
    version: "ModelVersion",
    folder: Path,
    *,
    uri: str,
    account: Account | None,
    limits: Limits,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Bring every file of a version into an empty folder.

    Raises:
        DownloadFailed: they did not arrive, or not within the limits, or nobody wants them any more.
    """
    task: dict[str, Any] = {"uri": uri, "version": version.model_dump(mode="json"), "folder": str(folder)}
    if account is not None:
        task["account"] = [account.username, account.password.get_secret_value()]
    try:
        failed = children.run(__name__, task, seconds=limits.seconds, watch=_watch(folder, limits.bytes, is_wanted))
    except children.TooLong:
        reason = f"its files did not arrive within {limits.seconds:g} s (MLYARD_MODEL_API_DOWNLOAD_SECONDS)"
        raise DownloadFailed(reason) from None
    except children.ChildEnded as error:
        raise DownloadFailed(f"its files could not be fetched: {error}") from None
    if failed is not None:
        raise DownloadFailed(failed["reason"], is_away=failed["is_away"])


def work(task: dict[str, Any]) -> dict[str, Any] | None:
    """Be the download."""
    from mlyard_shared.registry import ModelVersion, Registry

    name, password = task.get("account", (None, None))
    account = Account(username=name, password=SecretStr(password)) if name is not None else None
    version = ModelVersion.model_validate(task["version"])
    try:
        Registry(task["uri"], account=account).download(version, Path(task["folder"]))
    except RegistryError as error:
        return {"reason": str(error)[:2000], "is_away": isinstance(error, RegistryUnavailable)}
    return None


def _watch(folder: Path, most: int, is_wanted: Callable[[], bool]) -> Callable[[], None]:
    def watch() -> None:
        if not is_wanted():
            raise DownloadFailed("another version is to serve by now")
        if _size(folder) > most:
            raise DownloadFailed(
                f"its files are larger than {memory.shown(most)} together (MLYARD_MODEL_API_DOWNLOAD_BYTES)"
            )

    return watch


def _size(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):  # it was renamed
                total += (Path(place) / name).lstat().st_size
    return total


if __name__ == "__main__":
    children.work_for_parent(work)
