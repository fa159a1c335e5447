"""A driving stack of eight cameras and a queue of features."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("hydranet"), ids=lambda preset: preset.name)
def test_hydranet(measure, preset):
    measure(preset)
