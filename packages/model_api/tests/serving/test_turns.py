import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mlyard_model_api.serving.turns import Turns


class Holder:
    """Takes a turn in a thread, and holds it until it is told to let go."""

    def __init__(self, turns: Turns, name: str, *, alone: bool = False, patience: float = 60) -> None:
        self.has_it, self._let_go = threading.Event(), threading.Event()

        def run() -> None:
            with turns.take(name, alone=alone, patience=patience):
                self.has_it.set()
                self._let_go.wait(20)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def has_turn(self, *, within: float = 5) -> bool:
        return self.has_it.wait(within)

    def let_go(self) -> None:
        self._let_go.set()
        self._thread.join(20)


@contextmanager
def holders(*made: Holder) -> Iterator[None]:
    try:
        yield
    finally:
        for holder in made:
            holder.let_go()


def test_one_goes_after_the_other() -> None:
    turns = Turns()
    first, second = Holder(turns, "a"), Holder(turns, "b")
    with holders(first, second):
        time.sleep(0.1)
        assert first.has_it.is_set() != second.has_it.is_set()
        (first if first.has_it.is_set() else second).let_go()
        assert first.has_turn()
        assert second.has_turn()


def test_nobody_waits_for_one_that_takes_too_long() -> None:
    turns = Turns()
    slow = Holder(turns, "slow", patience=0.2)
    with holders(slow):
        assert slow.has_turn()
        next_one = Holder(turns, "next")
        with holders(next_one):
            assert next_one.has_turn(within=3)
            assert slow.has_it.is_set()


def test_who_has_to_be_alone_goes_last_and_alone() -> None:
    turns = Turns()
    turns.expect("first")
    alone = Holder(turns, "alone", alone=True)
    running = Holder(turns, "running", patience=0)
    with holders(alone, running):
        assert running.has_turn()
        turns.done("first")
        assert not alone.has_turn(within=0.7)
        running.let_go()
        assert alone.has_turn()
        other = Holder(turns, "other")
        with holders(other):
            assert not other.has_turn(within=0.7)
            alone.let_go()
            assert other.has_turn()


def test_who_has_to_be_alone_waits_for_those_that_are_expected() -> None:
    turns = Turns()
    turns.expect("first")
    turns.expect("alone")
    alone = Holder(turns, "alone", alone=True)
    with holders(alone):
        assert not alone.has_turn(within=0.7)
        turns.done("first")
        assert alone.has_turn()


def test_two_that_have_to_be_alone_go_one_after_the_other() -> None:
    turns = Turns()
    for name in ("a", "b"):
        turns.expect(name)
    both = [Holder(turns, name, alone=True) for name in ("a", "b")]
    with holders(*both):
        assert any(holder.has_turn(within=2) for holder in both)
        first, second = sorted(both, key=lambda holder: not holder.has_it.is_set())
        assert not second.has_it.is_set()
        first.let_go()
        assert second.has_turn()
