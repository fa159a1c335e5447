"""Collectives."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("collective"), ids=lambda preset: preset.name)
def test_collective(measure, preset):
    measure(preset)
