"""Driving."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("driving"), ids=lambda preset: preset.name)
def test_driving(measure, preset):
    measure(preset)
