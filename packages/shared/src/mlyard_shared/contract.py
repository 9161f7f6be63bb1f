"""The base of every contract between services: frozen, closed, strict about what it reads."""

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """A value that crosses a package boundary. Unknown keys are errors; instances never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", allow_inf_nan=False)
