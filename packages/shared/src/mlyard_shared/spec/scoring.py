"""What a spec says of scoring: the parameters of metrics that mean nothing by their name alone, and batch scoring."""

from functools import partial
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.spec.names import ColumnName
from mlyard_shared.spec.sink import Sink, input_place, output_place, place_or_table
from mlyard_shared.spec.source import Source

Share = Annotated[float, Field(gt=0, lt=1)]
Label = bool | int | str


class Scoring(Contract):
    """The parameters of metrics, and the table that the champion scores by itself.

    `beta` is how much more recall weighs than precision in `f_beta`, `quantile` which one `pinball` judges, and
    `costs.TRUE.SAID` what it costs to say one class where the other is true. `positive` is the class that `f_beta` and
    `average_precision` are about: of two classes the second one where it is not said, of more their mean.

    `source` is the table that is scored, `sink` where the predictions go, both also as one text, and `schedule` when:
    without one, when somebody asks for it. `ids` are the columns that tell the rows apart in the output (the spec's key
    where they are not said), and `probabilities` says whether each class gets a column. `rejects` is a CSV file for the
    rows that the model does not take, without which one of them refuses the job.
    """

    beta: Annotated[float, Field(gt=0)] = 1.0
    quantile: Share | None = None
    costs: dict[str, dict[str, float]] = {}
    positive: Label | None = None
    source: Annotated[Source | None, BeforeValidator(partial(place_or_table, place=input_place))] = None
    sink: Annotated[Sink | None, BeforeValidator(partial(place_or_table, place=output_place))] = None
    schedule: str | None = None
    ids: tuple[ColumnName, ...] = ()
    probabilities: bool = False
    rejects: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _costs_are_between_classes(self) -> Self:
        if any(said == true for true, row in self.costs.items() for said in row):
            raise ValueError("costs: what is said rightly costs nothing: leave it out")
        if self.costs and not any(cost > 0 for row in self.costs.values() for cost in row.values()):
            raise ValueError("costs: give at least one that is above 0")
        return self

    @model_validator(mode="after")
    def _from_a_table_to_another(self) -> Self:
        if (self.source is None) != (self.sink is None):
            raise ValueError("source and sink go together: the table that is scored, and where the predictions go")
        if self.sink is None and (self.schedule or self.ids or self.probabilities or self.rejects):
            raise ValueError("schedule, ids, probabilities and rejects need source and sink")
        return self


def like(training: Source, given: Source | None) -> Source:
    """A source whose texts are written as those of another one, as far as it says nothing itself."""
    said = given.model_dump(include=given.model_fields_set) if given is not None else {}
    form = training.model_dump(exclude={"path", "connection", "query"})
    return Source.model_validate({**form, **said})
