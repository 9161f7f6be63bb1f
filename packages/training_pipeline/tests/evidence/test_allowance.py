import pytest
from mlyard_training_pipeline.evidence.allowance import Allowance


class Clock:
    """Tells the time that it is given."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("trained", "allowed"), [(0, 5), (49, 5), (51, 5.1), (3600, 360)])
def test_evidence_may_take_a_tenth_of_the_training_or_five_seconds(trained: float, allowed: float) -> None:
    assert Allowance(trained).seconds == pytest.approx(allowed)


def test_what_takes_longer_than_is_left_is_not_begun_and_told() -> None:
    clock = Clock()
    allowance = Allowance(0, clock)
    assert allowance.allows(4.9, "a plot")
    clock.now += 4
    assert allowance.allows(0.9, "another")
    assert not allowance.allows(1.1, "the learning curve")
    assert allowance.left_out == ["no time for the learning curve"]
