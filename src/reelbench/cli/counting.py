"""The work of layers for commands: recorded where it is known, else traced."""

from __future__ import annotations

from reelbench.catalogue.counted import Count, recorded
from reelbench.catalogue.preset import Pass, Preset


def count(preset: Preset, pass_: Pass) -> Count:
    """The work of a layer. Only a layer that nobody recorded, such as a new row, loads JAX."""
    known = recorded(preset, pass_)
    if known is None:
        from reelbench import work

        known = work.of_preset(preset, pass_)
    return known
