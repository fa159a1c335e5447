"""Autoregressive blocks."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("autoregressive"), ids=lambda preset: preset.name)
def test_autoregressive(measure, preset):
    measure(preset)
