"""Occupancy."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("occupancy"), ids=lambda preset: preset.name)
def test_occupancy(measure, preset):
    measure(preset)
