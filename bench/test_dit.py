"""Diffusion transformers for video."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("dit"), ids=lambda preset: preset.name)
def test_dit(measure, preset):
    measure(preset)
