"""What everybody who is told has in common."""

TIMEOUT = 5.0
"""Seconds for an answer."""


class NotSent(Exception):
    """The receiver did not take it: later it may."""
