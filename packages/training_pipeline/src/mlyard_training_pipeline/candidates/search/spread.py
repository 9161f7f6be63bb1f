"""Divide a search over tasks: parts of settings that are worth a task of their own."""

from itertools import pairwise

LEAST_SECONDS = 10.0
"""What a part should take at least: a task costs seconds before it fits anything."""

MOST_PARTS = 32


def parts(first: int, end: int, seconds: float, least: float = LEAST_SECONDS) -> list[tuple[int, int]]:
    """The settings from `first` on, before `end`, in parts of about the same size.

    Args:
        first: the number of the first one that has not been tried.
        end: how many there are.
        seconds: how long one takes.
        least: how long a part takes at least; where all of them together take less, they are no part at all.
    """
    left = end - first
    count = min(int(left * seconds / least), left, MOST_PARTS)
    cuts = [first + left * number // max(count, 1) for number in range(count + 1)]
    return list(pairwise(cuts))
