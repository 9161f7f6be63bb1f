"""A service's account in the registry."""

from typing import NamedTuple, Self

from pydantic import SecretStr

from mlyard_shared.errors import SettingsError


class Account(NamedTuple):
    """A user name and its password."""

    username: str
    password: SecretStr

    @classmethod
    def of(cls, username: str | None, password: SecretStr | None, *, prefix: str) -> Self | None:
        """Make the account of a service's two settings; None where neither is set.

        Raises:
            SettingsError: one is set without the other; the message names the missing one by `prefix`.
        """
        if not username and password is None:
            return None
        if not username:
            raise SettingsError(
                f"{prefix}REGISTRY_USERNAME is not set, but its password is: set the account's name too"
            )
        if password is None or not password.get_secret_value():
            raise SettingsError(
                f"{prefix}REGISTRY_PASSWORD is not set: put it into the file registry_password of the folder that "
                f"{prefix}SECRETS_DIR names"
            )
        return cls(username, password)
