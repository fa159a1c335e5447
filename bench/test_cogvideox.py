"""Diffusion transformer of CogVideoX."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("cogvideox"), ids=lambda preset: preset.name)
def test_cogvideox(measure, preset):
    measure(preset)
