"""RegNet."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("regnet"), ids=lambda preset: preset.name)
def test_regnet(measure, preset):
    measure(preset)
