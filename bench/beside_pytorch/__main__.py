"""Prints the table of kept sittings: ``python -m beside_pytorch FILE…``, in folder ``bench``."""

import sys
from pathlib import Path

from rich.console import Console

from beside_pytorch.sitting import read, show

for name in sys.argv[1:]:
    show(read(Path(name)), Console())
