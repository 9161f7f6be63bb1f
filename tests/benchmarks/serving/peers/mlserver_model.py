"""MLServer with its scikit-learn runtime, inference in its own process. `python mlserver_model.py PORT FOLDER`."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import joblib
from table import fitted


def main(port: str, name: str) -> None:
    """Become MLServer's own command."""
    folder = Path(name)
    settings = {
        "host": "127.0.0.1",
        "http_port": int(port),
        "grpc_port": int(port) + 1,
        "metrics_port": int(port) + 2,
        "parallel_workers": 0,
        "debug": False,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    for kind in ("linear", "forest"):
        place = folder / kind
        place.mkdir()
        joblib.dump(fitted(kind), place / "model.joblib")
        model = {
            "name": kind,
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": "./model.joblib"},
        }
        (place / "model-settings.json").write_text(json.dumps(model))
    os.execv(sys.executable, [sys.executable, "-m", "mlserver.cli.main", "start", str(folder)])


if __name__ == "__main__":
    main(*sys.argv[1:])
