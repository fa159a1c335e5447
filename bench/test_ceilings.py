"""The ceilings of a machine, in a minute: what `reelbench predict --on` needs of another machine.

Every run measures them before its first case; this one has a single quick case, in each dtype that
the machine is measured in by default.
"""

import pytest

from reelbench.catalogue import find

# The case stands elsewhere too.
pytestmark = pytest.mark.reel_named


@pytest.mark.parametrize("preset", [find("vit-b-layer-norm")], ids=lambda preset: preset.name)
def test_with_ceilings(measure, preset):
    measure(preset, passes=("forward",))
