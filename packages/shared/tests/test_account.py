import pytest
from mlyard_shared.account import Account
from mlyard_shared.errors import SettingsError
from pydantic import SecretStr

PASSWORD = SecretStr("a-password")


def test_it_is_made_of_both_settings() -> None:
    assert Account.of("pipeline", PASSWORD, prefix="X_") == Account("pipeline", PASSWORD)


@pytest.mark.parametrize("name", [None, ""])
def test_no_setting_is_no_account(name: str | None) -> None:
    assert Account.of(name, None, prefix="X_") is None


@pytest.mark.parametrize(
    ("name", "password", "missing"),
    [
        pytest.param("pipeline", None, "X_REGISTRY_PASSWORD", id="no password"),
        pytest.param("pipeline", SecretStr(""), "X_REGISTRY_PASSWORD", id="empty password"),
        pytest.param(None, PASSWORD, "X_REGISTRY_USERNAME", id="no name"),
    ],
)
def test_one_without_the_other_names_the_missing_one(
    name: str | None, password: SecretStr | None, missing: str
) -> None:
    with pytest.raises(SettingsError, match=missing):
        Account.of(name, password, prefix="X_")


def test_the_password_is_in_no_text() -> None:
    assert "a-password" not in repr(Account("pipeline", PASSWORD))
