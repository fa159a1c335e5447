"""Augmentation of training clips."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("augmentation"), ids=lambda preset: preset.name)
def test_augmentation(measure, preset):
    measure(preset)
