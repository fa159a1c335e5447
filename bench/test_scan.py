"""Selective scans."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("scan"), ids=lambda preset: preset.name)
def test_scan(measure, preset):
    measure(preset)
