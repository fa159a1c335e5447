"""Recurrence over frames."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("recurrent"), ids=lambda preset: preset.name)
def test_recurrent(measure, preset):
    measure(preset)
