"""Normalisation."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("normalisation"), ids=lambda preset: preset.name)
def test_normalisation(measure, preset):
    measure(preset)
