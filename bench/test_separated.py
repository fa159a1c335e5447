"""Channel-separated 3-D convolution."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("separated"), ids=lambda preset: preset.name)
def test_separated(measure, preset):
    measure(preset)
