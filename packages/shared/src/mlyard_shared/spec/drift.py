"""What a spec says of features that shift."""

from typing import Annotated

from pydantic import Field

from mlyard_shared.contract import Contract


class Drift(Contract):
    """When a feature counts as shifted."""

    psi: Annotated[float, Field(gt=0)] = 0.2
