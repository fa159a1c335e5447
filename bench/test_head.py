"""Classification heads."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("head"), ids=lambda preset: preset.name)
def test_head(measure, preset):
    measure(preset)
