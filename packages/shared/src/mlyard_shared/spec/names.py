"""The words of a spec that its parts share: names, columns, parameters."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import TypeAliasType

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


ColumnName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_composed)]
"""A column's name in Unicode's NFC form, in which names are compared everywhere."""

Parameter = TypeAliasType("Parameter", "bool | int | float | str | list[Parameter] | dict[str, Parameter] | None")
