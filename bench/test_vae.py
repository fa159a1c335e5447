"""Blocks of causal video autoencoders, which compress a clip for a diffusion model."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("vae"), ids=lambda preset: preset.name)
def test_vae(measure, preset):
    measure(preset)
