"""The ceilings of a machine, in a minute: what `reelbench predict --on` needs of another machine.

Every run measures them before its first case; this one has a single quick case, in each dtype that
the machine is measured in by default.
"""

import pytest

from reelbench.catalogue import find


@pytest.mark.parametrize("preset", [find("videomae-tubelet")], ids=lambda preset: preset.name)
def test_with_ceilings(measure, preset):
    measure(preset, passes=("forward",))
