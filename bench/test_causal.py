"""Causal 3-D convolution."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("causal"), ids=lambda preset: preset.name)
def test_causal(measure, preset):
    measure(preset)
