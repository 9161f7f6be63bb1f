import re

import pytest

from .documents import SETTINGS_PAGE, find
from .settings_classes import is_setting, variables

KNOWN = variables()
PREFIXES = {name.removesuffix("SECRETS_DIR") for name in KNOWN if name.endswith("_SECRETS_DIR")}
"""What stands for all settings of a service, as in MLYARD_MODEL_API_*."""


def test_settings_were_found_in_the_source() -> None:
    assert {"MLYARD_MLFLOW_SERVER_PORT", "MLYARD_MLFLOW_SERVER_SECRETS_DIR", "BACKEND_STORE_URI"} <= KNOWN.keys()


def test_every_setting_that_a_document_names_exists() -> None:
    unknown = [
        str(mention)
        for mention in find(r"\bMLYARD_[A-Z0-9_]+")
        if mention.text not in PREFIXES and not is_setting(mention.text, KNOWN)
    ]
    assert not unknown, "no settings class reads:\n" + "\n".join(unknown)


@pytest.mark.parametrize("place", sorted(set(KNOWN.values())))
def test_every_setting_is_documented(place: str) -> None:
    page = SETTINGS_PAGE.read_text() if SETTINGS_PAGE.exists() else ""
    documented = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", page))
    missing = sorted(name for name, owner in KNOWN.items() if owner == place and name not in documented)
    assert not missing, f"docs/settings.md does not tell what these settings of {place} do:\n" + "\n".join(missing)
