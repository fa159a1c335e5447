"""Mobile inverted bottlenecks."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("mbconv"), ids=lambda preset: preset.name)
def test_mbconv(measure, preset):
    measure(preset)
