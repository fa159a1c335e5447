"""Temporal shift."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("shift"), ids=lambda preset: preset.name)
def test_shift(measure, preset):
    measure(preset)
