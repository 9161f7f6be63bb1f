"""A client that predicts at a steady rate and keeps every answer, as a user's service would."""

import threading
import time
from typing import Any, NamedTuple

import httpx


class Answer(NamedTuple):
    """One prediction request: when it was sent (monotonic seconds), its status, and the answer's body."""

    sent: float
    status: int
    body: Any

    @property
    def version(self) -> int:
        return int(self.body["version"])

    @property
    def outputs(self) -> Any:
        """What was predicted, without the identifiers, which differ each time."""
        return [{k: v for k, v in row.items() if k != "id"} for row in self.body["predictions"]]


class SteadyClient(threading.Thread):
    """Posts the same rows `rate` times a second until it is stopped."""

    def __init__(self, url: str, *, key: str, rows: list[dict[str, Any]], rate: float) -> None:
        super().__init__(daemon=True)
        self.url, self.rows, self.period = url, rows, 1 / rate
        self.headers = {"Authorization": f"Bearer {key}"}
        self.answers: list[Answer] = []
        self._stopped = threading.Event()

    def run(self) -> None:
        with httpx.Client(timeout=10, headers=self.headers) as client:
            due = time.monotonic()
            while not self._stopped.wait(max(0.0, due - time.monotonic())):
                due += self.period
                self.answers.append(self.ask(client))

    def ask(self, client: httpx.Client) -> Answer:
        sent = time.monotonic()
        try:
            response = client.post(self.url, json={"rows": self.rows})
            return Answer(sent, response.status_code, response.json())
        except httpx.HTTPError as error:
            return Answer(sent, 0, repr(error))

    def wait_for_version(self, version: int, *, seconds: float) -> None:
        """Return when the newest answer is from this version.

        Raises:
            TimeoutError: it did not come in time; says what came.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.answers and self.answers[-1].status == 200 and self.answers[-1].version == version:
                return
            time.sleep(0.05)
        raise TimeoutError(f"no answer from version {version} in {seconds} s; the last was {self.answers[-1:]}")

    def stop(self) -> list[Answer]:
        self._stopped.set()
        self.join()
        return self.answers
