"""The key: where it comes from, and the door that asks for it."""

import base64
import hmac
import logging
import re
import secrets
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mlyard_shared.errors import SettingsError
from starlette.types import ASGIApp, Receive, Scope, Send

from mlyard_model_api.errors import CacheUnusable, KeyRefused, Unanswered
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.settings import Settings

KEY_FILE = ".api_key"
"""No model's name begins with a dot."""
OPEN_PATHS = ("/", "/health", "/ping", "/version")
OPEN_FOLDERS = ("/health/", "/v2/health/")
DOCS = re.compile("/docs(/.*)?|/openapi.json", re.DOTALL)
PREDICTIONS = ("/predict", "/invocations", "/infer")
"""What the addresses end with where predictions are asked for, and no others that take a POST."""

log = logging.getLogger(__name__)


def api_key(settings: Settings, cache: Cache) -> str:
    """Return the key of the settings, else the one in the cache folder, which is made at the first start.

    Raises:
        SettingsError: the file in the cache folder is empty or cannot be read.
        CacheUnusable: it cannot be written.
    """
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    file = cache.folder / KEY_FILE
    try:
        if not file.exists():
            _make(file)
    except OSError as error:
        raise CacheUnusable(cache.folder, error.strerror or str(error)) from None
    try:
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key:
        raise SettingsError(f"{file} holds no readable API key: remove the file, and the next start makes a new one")
    log.info("the API key is in %s", file)
    return key


def _make(file: Path) -> None:
    """Write a key with mode 0600, as a whole or not at all; the first of two processes wins."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, encoding="ascii") as new:
        new.write(f"{secrets.token_urlsafe(32)}\n")
        new.flush()
        try:
            file.hardlink_to(new.name)
        except FileExistsError:
            return


class KeyDoor:
    """ASGI middleware: answers 401 to what is not open unless the request carries the key.

    The key comes as `Authorization: Bearer <key>`, or as the password of Basic clients that send no header of their
    own but know accounts, from an address or a netrc file; the name of such an account says nothing.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        key: str,
        refuse: Callable[[Unanswered, str], ASGIApp],
        open_predictions: bool = False,
        open_docs: bool = True,
    ) -> None:
        """Stand before the application.

        Args:
            app: what is behind the door.
            key: the key.
            refuse: makes the answer of an error at a path.
            open_predictions: whether predictions need no key.
            open_docs: whether the documentation needs none.
        """
        self._app = app
        self._key = key.encode("ascii")
        self._refuse = refuse
        self._open_predictions = open_predictions
        self._open_docs = open_docs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it before its body is read."""
        if scope["type"] != "http" or self.allows(scope["headers"]) or self._is_open(scope):
            await self._app(scope, receive, send)
        else:
            await self._refuse(KeyRefused(), scope["path"])(scope, receive, send)

    def allows(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether headers carry the key."""
        given = [value for name, value in headers if name == b"authorization"]
        if len(given) != 1:
            return False
        scheme, _, key = given[0].partition(b" ")
        scheme, key = scheme.lower(), key.strip()
        if scheme == b"basic":
            key = _password(key)
        return hmac.compare_digest(key, self._key) and scheme in (b"bearer", b"basic")

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"]
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
            return True
        if DOCS.fullmatch(path):
            return self._open_docs
        return self._open_predictions and scope["method"] == "POST" and path.endswith(PREDICTIONS)


def _password(account: bytes) -> bytes:
    """The password of Basic's `<name>:<password>` in base64; empty where it is none, which no key is."""
    try:
        return base64.b64decode(account, validate=True).partition(b":")[2]
    except ValueError:
        return b""
