"""What a spec says of the estimators to try."""

from typing import Annotated

from pydantic import Field

from mlyard_shared.contract import Contract
from mlyard_shared.spec.names import Parameter, Slug


class Candidate(Contract):
    """A scikit-learn estimator to try, with fixed parameters and a grid to search."""

    name: Slug
    estimator: Annotated[str, Field(pattern=r"^sklearn(\.[A-Za-z_]\w*)+$")]
    parameters: dict[str, Parameter] = {}
    grid: dict[str, Annotated[list[Parameter], Field(min_length=1)]] = {}
