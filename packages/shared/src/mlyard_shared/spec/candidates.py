"""What a spec says of the estimators to try."""

from typing import Annotated, Literal

from pydantic import Field

from mlyard_shared.contract import Contract
from mlyard_shared.spec.names import Parameter, Slug


ImportPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]


class Candidate(Contract):
    """An estimator to try, with fixed parameters and a grid to search.

    What its path may name is decided where it would be imported. A regression may be fitted on a function of its target
    (`target_transform`); its answers are in the target's own units.
    """

    name: Slug
    estimator: ImportPath
    target_transform: Literal["log", "log1p", "sqrt", "yeo_johnson", "box_cox"] | None = None
    parameters: dict[str, Parameter] = {}
    grid: dict[str, Annotated[list[Parameter], Field(min_length=1)]] = {}
