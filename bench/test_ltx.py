"""Diffusion transformer of LTX-Video."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("ltx"), ids=lambda preset: preset.name)
def test_ltx(measure, preset):
    measure(preset)
