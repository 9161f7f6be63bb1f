"""Whether services are ready for those who call them, and if not, why."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from mlyard_local.services import Probe

SECONDS = 2


def ask(probe: Probe, client: httpx.Client) -> str:
    """Return why a service is not ready, or nothing where it is."""
    try:
        answer = client.get(probe.address)
        if not answer.is_success:
            return _reasons(answer)
        if not probe.component:
            return ""
        status = str(answer.json()[probe.component]["status"])
    except httpx.HTTPError as error:
        return f"it does not answer ({str(error) or type(error).__name__})"
    except (ValueError, LookupError, TypeError):
        return "what answers there is another program"
    return "" if status == "healthy" else f"Airflow reports it as {status}"


def ask_all(probes: Mapping[str, Probe]) -> dict[str, str]:
    """Ask all at once; a proxy of the environment is for the outside."""
    with httpx.Client(timeout=SECONDS, trust_env=False) as client, ThreadPoolExecutor() as pool:
        answers = pool.map(lambda probe: ask(probe, client), probes.values())
        return dict(zip(probes, answers, strict=True))


def _reasons(answer: httpx.Response) -> str:
    try:
        document = answer.json()
        return "; ".join(map(str, document.get("reasons") or [document["message"]]))
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"status {answer.status_code}"
