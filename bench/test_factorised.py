"""Factorised 3-D convolution."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("factorised"), ids=lambda preset: preset.name)
def test_factorised(measure, preset):
    measure(preset)
