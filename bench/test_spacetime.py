"""Space-time blocks of world models."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("spacetime"), ids=lambda preset: preset.name)
def test_spacetime(measure, preset):
    measure(preset)
