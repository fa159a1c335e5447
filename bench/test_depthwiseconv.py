"""Depthwise 3-D convolutions alone."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("depthwiseconv"), ids=lambda preset: preset.name)
def test_depthwiseconv(measure, preset):
    measure(preset)
