"""Joint space-time attention."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("attention"), ids=lambda preset: preset.name)
def test_attention(measure, preset):
    measure(preset)
