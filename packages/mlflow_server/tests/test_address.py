import pytest
from mlyard_mlflow_server.address import Address
from mlyard_mlflow_server.settings import Settings
from mlyard_shared.errors import SettingsError

ALWAYS = ("mlflow", "mlflow:*", "localhost", "localhost:*", "127.0.0.1", "127.0.0.1:*", "[::1]", "[[]::1]:*")


def test_the_health_check_reads_what_the_server_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "MLYARD_MLFLOW_SERVER_HOST": "0.0.0.0",
        "MLYARD_MLFLOW_SERVER_PORT": "5001",
        "MLYARD_MLFLOW_SERVER_ALLOWED_HOSTS": "mlflow, tracking.example.com",
    }
    assert Address.read({}) == Settings.load().address
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Address.read(variables) == Settings.load().address


@pytest.mark.parametrize("allowed", [(), ("tracking.example.com",), ("*.example.com",), ("*",), ("mlflow",)])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "192.168.1.5"])
def test_the_names_by_which_the_stack_calls_it_stay_whatever_is_added(host: str, allowed: tuple[str, ...]) -> None:
    assert Address(host, allowed_hosts=allowed).patterns[: len(ALWAYS)] == ALWAYS


def test_a_name_without_a_port_is_accepted_with_any_port() -> None:
    assert Address(allowed_hosts=("a.example",)).patterns[len(ALWAYS) :] == ("a.example", "a.example:*")


def test_the_address_that_it_listens_on_is_always_accepted() -> None:
    assert "192.168.1.5:*" in Address(host="192.168.1.5", allowed_hosts=("mlflow:*",)).patterns


@pytest.mark.parametrize(
    ("address", "names"),
    [
        pytest.param(Address(), (), id="defaults"),
        pytest.param(Address("0.0.0.0", 80, ("a:8080", "b")), ("a:8080", "b:80"), id="own-port-is-kept"),
        pytest.param(Address("0.0.0.0", 80, ("*.example.com", "*")), (), id="patterns-name-nobody"),
        pytest.param(Address("fd00::5", 80, ("mlflow",)), ("[fd00::5]:80",), id="ipv6"),
    ],
)
def test_the_names_are_what_a_client_sends(address: Address, names: tuple[str, ...]) -> None:
    always = [f"{name}:{address.port}" for name in ("mlflow", "localhost", "127.0.0.1", "[::1]")]
    assert address.names() == (*always, *names)


@pytest.mark.parametrize("port", ["0", "70000", "five", "-1", ""])
def test_a_wrong_port_is_named(port: str) -> None:
    with pytest.raises(SettingsError, match="MLYARD_MLFLOW_SERVER_PORT"):
        Address.read({"MLYARD_MLFLOW_SERVER_PORT": port})
