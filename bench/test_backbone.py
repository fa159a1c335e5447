"""Backbones of camera images."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("backbone"), ids=lambda preset: preset.name)
def test_backbone(measure, preset):
    measure(preset)
