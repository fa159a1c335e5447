"""Embedding."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("embedding"), ids=lambda preset: preset.name)
def test_embedding(measure, preset):
    measure(preset)
