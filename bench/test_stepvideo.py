"""Diffusion transformer of Step-Video-T2V."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("stepvideo"), ids=lambda preset: preset.name)
def test_stepvideo(measure, preset):
    measure(preset)
