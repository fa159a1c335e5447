"""Diffusion transformer of Cosmos."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("cosmos"), ids=lambda preset: preset.name)
def test_cosmos(measure, preset):
    measure(preset)
