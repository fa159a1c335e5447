"""Token reduction."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("reduction"), ids=lambda preset: preset.name)
def test_reduction(measure, preset):
    measure(preset)
