"""BiFPN."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("bifpn"), ids=lambda preset: preset.name)
def test_bifpn(measure, preset):
    measure(preset)
