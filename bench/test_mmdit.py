"""Diffusion transformer of HunyuanVideo."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("mmdit"), ids=lambda preset: preset.name)
def test_mmdit(measure, preset):
    measure(preset)
