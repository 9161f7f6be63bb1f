"""Serve the models of the fixture registry: `hatch run model-api:serve` starts this, and again on every save.

Every setting of the service holds here too; the cache, and with it the key, is in `.mlyard/development` by default.
"""

import os
import sys
from pathlib import Path

from mlyard_model_api import server
from mlyard_model_api.access.keys import KEY_FILE
from mlyard_model_api.app import create_app
from mlyard_model_api.settings import PREFIX, Settings
from mlyard_model_api.telemetry import logs
from mlyard_shared.errors import MlyardError
from registry import FixtureRegistry

ROOT = Path(__file__).parents[3]
EXAMPLE = '{"rows": [{"size": 42.5, "count": 3}]}'


def main() -> None:
    """Serve until a signal comes."""
    os.environ.setdefault(f"{PREFIX}CACHE", str(ROOT / ".mlyard" / "development" / "model_api"))
    try:
        settings = Settings.load()
        logs.configure(settings.log_level, settings.log_format)
        app = create_app(settings, registry=FixtureRegistry)
        address = f"http://{settings.host}:{settings.port}"
        models = ", ".join(FixtureRegistry().served_models())
        key = settings.api_key.get_secret_value() if settings.api_key else f"$(cat {settings.cache / KEY_FILE})"
        print(
            f"models: {models}\ndocs: {address}/docs\na prediction:\n"
            f'  curl -sS -H "Authorization: Bearer {key}" -H "Content-Type: application/json" '
            f"-d '{EXAMPLE}' {address}/models/prices/predict",
            flush=True,
        )
        server.serve(app, settings)
    except MlyardError as error:
        sys.exit(f"model-api: {error}")


if __name__ == "__main__":
    main()
