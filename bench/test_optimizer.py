"""Optimizer updates."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("optimizer"), ids=lambda preset: preset.name)
def test_optimizer(measure, preset):
    measure(preset)
