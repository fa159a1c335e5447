"""Depthwise 3-D convolution."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("depthwise"), ids=lambda preset: preset.name)
def test_depthwise(measure, preset):
    measure(preset)
