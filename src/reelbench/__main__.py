"""``python -m reelbench``: where no script was installed, as with ``PYTHONPATH=src``."""

import sys

from reelbench.cli import main

if __name__ == "__main__":
    sys.exit(main())
