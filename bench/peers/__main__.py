"""Prints the table of kept sittings: ``python -m peers FILE…``, in the folder ``bench``."""

import sys
from pathlib import Path

from rich.console import Console

from peers.sitting import read, show

for name in sys.argv[1:]:
    show(read(Path(name)), Console())
