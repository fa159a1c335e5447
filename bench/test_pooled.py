"""Pooled attention."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("pooled"), ids=lambda preset: preset.name)
def test_pooled(measure, preset):
    measure(preset)
