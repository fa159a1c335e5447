"""Space-time patches moved into the channels and back."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("spacetodepth"), ids=lambda preset: preset.name)
def test_spacetodepth(measure, preset):
    measure(preset)
