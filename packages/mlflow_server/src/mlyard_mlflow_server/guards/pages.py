"""What a browser gets: MLflow's pages, opened on model training, without the assistant, sending nothing elsewhere.

MLflow keeps these choices in the browser alone (its pages' local storage) and has no setting of the server's for their
first values. A script of ours, which its page loads before its own, sets those that nobody has chosen yet; MLflow's
files are served as they are.
"""

import json

from mlyard_shared.views import VIEW

from mlyard_mlflow_server.guards.asgi import Asgi, Message, Receive, Send, answer, refuse

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
"""Content-Security-Policy: a browser sends nothing to another host, whatever a page or an artifact in it asks for."""

SCRIPT = "/static-files/mlyard.js"
TAG = b'<script src="./static-files/mlyard.js"></script>'
BEFORE = b"<title>"
CONDITIONS = {b"if-modified-since", b"if-none-match", b"if-range", b"range"}
ASSISTANT = "/ajax-api/3.0/mlflow/assistant"

CHOICES = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.home.getting-started.collapsed_v1": True,
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
}
WITHOUT_TELEMETRY = {
    "mlflow.settings.telemetry.enabled_v1": False,
    "mlflow.telemetry.info.alert.dismissed_v1": True,
}
"""The page collects nothing then, and its note that it does so would be wrong."""


def own_pages(app: Asgi, *, telemetry: bool = False, prefix: str = "") -> Asgi:
    """Return the application with its pages as above; `prefix` is MLflow's static one."""
    script = _script({**CHOICES, **({} if telemetry else WITHOUT_TELEMETRY)})

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix(prefix)
        if path == SCRIPT:
            return await answer(send, 200, script, content_type=b"text/javascript")
        if path.startswith(ASSISTANT):
            message = "MLflow's assistant is off here: it would run programs on the server"
            return await refuse(send, 404, code="FEATURE_DISABLED", message=message)
        is_start = scope["method"] == "GET" and path in ("", "/")
        if is_start:
            # A browser may hold MLflow's own page, whose file has not changed.
            headers = [header for header in scope["headers"] if header[0].lower() not in CONDITIONS]
            scope = {**scope, "headers": headers}
        return await app(scope, receive, _Page(send, is_start=is_start).send)

    return guarded


class _Page:
    """An answer on its way: a page gets the policy, and MLflow's start page loads the script."""

    def __init__(self, send: Send, *, is_start: bool) -> None:
        self._send = send
        self._is_start = is_start
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            message = {**message, "headers": [*message["headers"], (b"content-security-policy", POLICY.encode())]}
            if self._is_start and message["status"] == 200:
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = self._body.replace(BEFORE, TAG + BEFORE, 1)
        # Neither the length nor the marks of MLflow's file are those of this page.
        changed = {b"content-length", b"etag", b"last-modified", b"cache-control"}
        headers = [header for header in start["headers"] if header[0].lower() not in changed]
        headers += [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-cache")]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _is_html(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/html") for name, value in start["headers"]
    )


_VIEWS = f"""\
try {{
  const request = new XMLHttpRequest();
  request.open("POST", "ajax-api/2.0/mlflow/experiments/search", false);
  request.setRequestHeader("Content-Type", "application/json");
  request.send(JSON.stringify({{max_results: 1000, filter: "tags.`{VIEW}` != ''"}}));
  for (const experiment of JSON.parse(request.responseText).experiments ?? []) {{
    const name = `MLflowLocalStorage-1.1-ExperimentPage-["${{experiment.experiment_id}}"]-ReactComponentState`;
    const view = experiment.tags.find(tag => tag.key === "{VIEW}").value;
    if (localStorage.getItem(name) === null) localStorage.setItem(name, view);
  }}
}} catch {{}}
"""
"""Each experiment's view, where nobody has chosen columns: before MLflow's script looks for them."""


def _script(choices: dict[str, object]) -> bytes:
    """Set the choices that nobody has made yet, and hide what opens the assistant, which is off."""
    stored = {name: json.dumps(value) for name, value in choices.items()}
    return (
        f"for (const [name, value] of Object.entries({json.dumps(stored)})) {{\n"
        "  try { if (localStorage.getItem(name) === null) localStorage.setItem(name, value); } catch {}\n"
        "}\n"
        f"{_VIEWS}"
        'const style = document.createElement("style");\n'
        "style.textContent = '[data-assistant-ui] { display: none !important; }';\n"
        "document.head.append(style);\n"
    ).encode()
