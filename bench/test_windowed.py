"""Windowed attention."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("windowed"), ids=lambda preset: preset.name)
def test_windowed(measure, preset):
    measure(preset)
