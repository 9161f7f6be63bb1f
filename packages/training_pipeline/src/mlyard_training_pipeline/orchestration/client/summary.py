"""What `ensure` shows in the end: addresses, how to log in, a prediction to paste, and whether the API is ready."""

import json
import logging
import shlex
import time
from collections.abc import Callable

import httpx
from mlyard_shared.errors import MlyardError
from mlyard_shared.manifest import Manifest
from mlyard_shared.spec import read_specs
from rich.console import Console

from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context

READY_SECONDS = 60.0
"""For the API to load what has just been trained."""

SETTLED_SECONDS = 3.0
"""It has to be ready for this long: for a moment it may not know yet of what was trained just now."""

PAUSE = 0.5
TIMEOUT = 5.0


def show(settings: Settings, console: Console, *, open_context: Callable[[], Context]) -> None:
    """Print what the settings tell of the stack; nothing where they tell nothing."""
    if settings.addresses:
        _print(console, settings.addresses.strip("\n"))
    if settings.model_api_url:
        champion = _first_champion(settings, open_context)
        if champion is not None:
            _print(console, f"A prediction:\n\n{_curl(settings, champion)}")
        _print(console, _readiness(settings, has_champion=champion is not None))


def _print(console: Console, text: str) -> None:
    console.out(f"\n{text}", highlight=False)


def _first_champion(settings: Settings, open_context: Callable[[], Context]) -> Manifest | None:
    """The manifest of a champion, of a model that has a spec; without one a line of help is missing, and no more."""
    try:
        for spec in read_specs(settings.models)[0].values():
            registry = open_context().registry
            champion = registry.find(spec.name, "champion")
            if champion is not None:
                return registry.manifest(champion)
    except MlyardError as error:
        logging.getLogger(__name__).warning("there is no example of a prediction: %s", error)
    return None


def _curl(settings: Settings, manifest: Manifest) -> str:
    """A command that predicts one row; the key is read when it runs."""
    row = {column.name: column.example for column in manifest.input_schema.columns}
    command = settings.model_api_key_command
    key = f' -H "Authorization: Bearer $({command})"' if command else ""
    address = (settings.model_api_address or settings.model_api_url).rstrip("/")
    body = shlex.quote(json.dumps({"rows": [row]}))
    return f"curl -sS{key} -H 'Content-Type: application/json' -d {body} {address}/models/{manifest.model}/predict"


def _readiness(settings: Settings, *, has_champion: bool) -> str:
    """Wait until the API is ready, and say so, or why it is not; without a champion its first answer is enough."""
    url = settings.model_api_url.rstrip("/")
    deadline = time.monotonic() + READY_SECONDS
    ready_since: float | None = None
    while True:
        now = time.monotonic()
        answer, problem = _ask(url)
        ready_since = None if problem else ready_since or now
        settled = ready_since is not None and now - ready_since >= SETTLED_SECONDS
        if settled or (answer is not None and not has_champion):
            break
        if now >= deadline:
            problem = f"after {READY_SECONDS:.0f} s: {problem}" if problem else ""
            break
        time.sleep(PAUSE)
    if problem:
        return f"The model API is not ready: {problem}"
    return f"The model API is ready: {settings.model_api_address or url}"


def _ask(url: str) -> tuple[httpx.Response | None, str]:
    """The API's answer, and why it is not ready, or nothing."""
    try:
        # A proxy of the environment is for the outside; a neighbour is never behind it.
        answer = httpx.get(f"{url}/health/ready", timeout=TIMEOUT, trust_env=False)
    except httpx.HTTPError as error:
        return None, f"it does not answer at {url} ({str(error) or type(error).__name__})"
    return answer, "" if answer.is_success else _reasons(answer)


def _reasons(answer: httpx.Response) -> str:
    try:
        reasons = answer.json()["reasons"]
        return "; ".join(map(str, reasons)) or f"status {answer.status_code}"
    except (ValueError, LookupError, TypeError):
        return f"status {answer.status_code}: {' '.join(answer.text.split())[:300]}"
