"""Masked video modelling."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("masked"), ids=lambda preset: preset.name)
def test_masked(measure, preset):
    measure(preset)
