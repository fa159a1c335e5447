"""What can be wrong with a comparison; every message is one line for the user."""

from __future__ import annotations


class SideError(ValueError):
    """Words that make no side, or name an interpreter or commit that does not exist."""


class PairError(Exception):
    """A side's processes do not start, or do not fit each other."""
