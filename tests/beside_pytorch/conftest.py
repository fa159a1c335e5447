"""Lets the tests import the package bench/beside_pytorch."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "bench"))
