"""Streaming 3-D convolution."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("streaming"), ids=lambda preset: preset.name)
def test_streaming(measure, preset):
    measure(preset)
