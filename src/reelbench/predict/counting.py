"""The work of a layer that was not measured: as the catalogue records it, else traced."""

from __future__ import annotations

from collections.abc import Callable

from reelbench.catalogue.counted import Count, recorded
from reelbench.catalogue.preset import Pass, Preset

Counting = Callable[[Preset, Pass], Count]


def count(preset: Preset, pass_: Pass) -> Count:
    """The work of one clip in float32; only a layer that nobody recorded loads JAX."""
    known = recorded(preset, pass_)
    if known is None:
        from reelbench import work

        known = work.of_preset(preset, pass_)
    return known
