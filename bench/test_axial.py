"""Axial attention."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("axial"), ids=lambda preset: preset.name)
def test_axial(measure, preset):
    measure(preset)
