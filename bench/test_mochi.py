"""Diffusion transformer of Mochi."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("mochi"), ids=lambda preset: preset.name)
def test_mochi(measure, preset):
    measure(preset)
