"""MLflow's scoring client, which sends no header of its own, and the commands of MLflow's documentation."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from .conftest import KEY, Api


def client_of(host: str, port: int | str) -> Any:
    return ScoringServerClient(host, port)  # type: ignore[no-untyped-call]


ROWS: list[dict[str, object]] = [{"size": 42.5, "count": 3}, {"size": 17.25, "count": 0}]
VISITS: list[dict[str, object]] = [
    {"size": 42.5, "count": 3, "new": True, "colour": "grün", "weight": 5.5, "seen": "2025-03-01T12:00:00+02:00"},
    {"size": 70.5, "count": 1, "new": False, "colour": "puce", "weight": None, "seen": None},
]


def test_the_clients_questions_are_answered_with_the_key_in_the_address(api: Api) -> None:
    client = client_of(f"anyone:{KEY}@127.0.0.1", api.port)
    client.wait_server_ready(timeout=5)
    assert client.get_version().startswith("3.")
    expected = [answer["prediction"] for answer in api.predict("prices", ROWS)]
    table = pd.DataFrame(ROWS)
    for data in (table, table[["count", "size"]], table.to_numpy(), table.to_numpy().tolist()):
        if isinstance(data, pd.DataFrame):
            assert client.invoke(data).get_predictions("ndarray").tolist() == expected
        else:
            whole = [[size, int(count)] for size, count in data]
            assert client.invoke(whole).get_predictions("ndarray").tolist() == expected
    with pytest.raises(Exception, match=r'error code 400, response: \{"error_code":"INVALID_PARAMETER_VALUE"'):
        client.invoke(table.astype({"count": float}))


def test_each_model_has_a_base_of_its_own(api: Api) -> None:
    client = client_of(f"anyone:{KEY}@127.0.0.1", f"{api.port}/models/visits")
    client.ping()
    assert client.get_version().startswith("3.")
    table = pd.DataFrame(VISITS)
    assert table["weight"].isna().any()
    table["seen"] = pd.to_datetime(table["seen"])
    assert table["seen"].isna().any()
    expected = [answer["prediction"] for answer in api.predict("visits", VISITS)]
    assert client.invoke(table)["predictions"] == expected


def test_the_key_may_be_in_a_netrc_file(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login anyone password {KEY}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client = client_of("127.0.0.1", api.port)
    assert len(client.invoke(pd.DataFrame(ROWS))["predictions"]) == 2


def test_nothing_is_predicted_without_the_key(api: Api) -> None:
    client = client_of("127.0.0.1", api.port)
    client.ping()
    client.get_version()
    with pytest.raises(Exception, match=r'error code 401, response: \{"error_code":"UNAUTHENTICATED"'):
        client.invoke(pd.DataFrame(ROWS))


SPLIT = '{"dataframe_split": {"columns": ["size", "count"], "data": [[42.5, 3], [17.25, 0]]}}'


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        pytest.param("application/json", SPLIT, id="dataframe_split"),
        pytest.param(
            "application/json",
            '{"dataframe_records": [{"size": 42.5, "count": 3}, {"size": 17.25, "count": 0}]}',
            id="dataframe_records",
        ),
        pytest.param("application/json", '{"instances": [[42.5, 3], [17.25, 0]]}', id="instances"),
        pytest.param("application/json;", '{"inputs": [[42.5, 3], [17.25, 0]]}', id="inputs"),
        pytest.param("application/json", '{"inputs": {"size": [42.5, 17.25], "count": [3, 0]}}', id="inputs by column"),
        pytest.param("text/csv", "size,count\n42.5,3\n17.25,0\n", id="CSV"),
    ],
)
def test_the_commands_of_mlflows_documentation_work_with_the_key(api: Api, media_type: str, data: str) -> None:
    address = f"http://127.0.0.1:{api.port}/invocations"
    command = ["curl", "-sS", "-u", f"anyone:{KEY}", address, "-H", f"Content-Type:{media_type}", "--data-binary", data]
    answer: Any = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)
    assert answer == {"predictions": [found["prediction"] for found in api.predict("prices", ROWS)]}


def test_numbers_of_numpy_are_read_by_position(api: Api) -> None:
    client = client_of(f"anyone:{KEY}@127.0.0.1", f"{api.port}/models/prices")
    assert len(client.invoke(np.array([[1, 2], [3, 4]]))["predictions"]) == 2
