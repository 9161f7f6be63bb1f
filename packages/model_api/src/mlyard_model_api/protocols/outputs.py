"""What an answer of ours holds: `?output=` with some of these names, and commas between them."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl

from mlyard_shared.manifest import Manifest

from mlyard_model_api.errors import InputRefused, Problem, QueryRefused
from mlyard_model_api.prediction import Predictions

NAMES = ("label", "probabilities", "decision", "conformal")
_OF_ROUTES = ("version", "alias")


@dataclass(frozen=True)
class Outputs:
    """What is wanted beside each row's id and its prediction, which every answer holds.

    `probabilities`: the probability of each class. `decision`: the rule that made the label of them, and for each row
    its margin, which is how far its probabilities are from those at which the label would change. `conformal`: an
    interval for a number or a set of classes, for each level of the version's quantiles. `label` alone: nothing more.

    Without a wish there is what the version has: `is_asked` is false, and probabilities are null where there are none.
    """

    probabilities: bool = True
    decision: bool = False
    conformal: bool = True
    is_asked: bool = False

    @classmethod
    def of(cls, query: bytes) -> Self:
        """Read the wish of a request.

        Raises:
            QueryRefused: a name is not known, or comes twice.
        """
        if not query:
            return cls()
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        unknown = [name for name, _ in pairs if name not in ("output", *_OF_ROUTES)]
        wishes = [value for name, value in pairs if name == "output"]
        if unknown or len(wishes) > 1:
            raise QueryRefused("the query may have output, and version or alias, each once")
        if not wishes:
            return cls()
        names = wishes[0].split(",")
        if not set(names) <= set(NAMES) or len(names) > len(set(names)):
            raise QueryRefused(f"output is some of {', '.join(NAMES)}, with commas between them")
        return cls("probabilities" in names, "decision" in names, "conformal" in names, is_asked=True)

    def check(self, manifest: Manifest) -> None:
        """See from a version's manifest whether it can answer.

        Raises:
            InputRefused: something is asked for that no answer of it has.
        """
        if not self.is_asked:
            return
        if self.probabilities and manifest.task != "classification":
            raise _unavailable("probabilities", "this model predicts a number")
        if self.decision and manifest.decision is None:
            raise _unavailable("decision", "this version has no rule of decision")
        if self.conformal and manifest.conformal is None:
            raise _unavailable("conformal", "this version has no conformal quantiles")

    def check_answer(self, predictions: Predictions) -> None:
        """See whether an answer has what was asked for; raises `InputRefused`."""
        if self.is_asked and predictions.probabilities is None:
            if self.probabilities:
                raise _unavailable("probabilities", "this model gives none")
            if self.decision:
                raise _unavailable("decision", "this model gives no probabilities to decide by")
            if self.conformal and not predictions.intervals:
                raise _unavailable("conformal", "this model gives no probabilities to make sets of")


def _unavailable(name: str, reason: str) -> InputRefused:
    return InputRefused([Problem(code="output_unavailable", message=f"there is no output {name}: {reason}")])
