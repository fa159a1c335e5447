"""Divided attention."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("divided"), ids=lambda preset: preset.name)
def test_divided(measure, preset):
    measure(preset)
