"""Lift, splat, shoot."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("liftsplat"), ids=lambda preset: preset.name)
def test_liftsplat(measure, preset):
    measure(preset)
