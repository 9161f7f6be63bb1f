import pytest
from mlyard_training_pipeline.evidence.allowance import Allowance


class Clock:
    """Tells the time that it is given."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("trained", "allowed"), [(0, 5), (49, 5), (60, 6), (3600, 360)])
def test_evidence_may_take_a_tenth_of_the_training_or_five_seconds(trained: float, allowed: float) -> None:
    # Some of it is left for handing over.
    assert 0.85 * allowed < Allowance(trained).seconds < 0.95 * allowed


def test_what_takes_longer_than_is_left_is_not_begun_and_told() -> None:
    clock = Clock()
    allowance = Allowance(0, clock)
    assert allowance.allows(4.4, "a plot")
    clock.now += 3
    with allowance.up_to(0.7):
        assert not allowance.allows(0.5, "importance")
    assert allowance.allows(1.4, "another")
    assert not allowance.allows(1.6, "the learning curve")
    assert allowance.left_out == ["no time for importance", "no time for the learning curve"]
