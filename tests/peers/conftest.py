"""Lets the tests import the package bench/peers."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "bench"))
