"""Dense 3-D convolution."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("convolution"), ids=lambda preset: preset.name)
def test_convolution(measure, preset):
    measure(preset)
