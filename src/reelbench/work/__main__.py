"""``python -m reelbench.work`` counts the layers of the catalogue that are not recorded yet.

With ``--all`` it counts every layer again, as is needed when the code of a layer has changed.
"""

import sys
from importlib import resources
from pathlib import Path

from reelbench import catalogue
from reelbench.catalogue import counted
from reelbench.work.count import of_preset


def main() -> None:
    """Write the record: what it holds of layers that are gone is left out."""
    again = sys.argv[1:] == ["--all"]
    counts = []
    traced = 0
    for name, row, pass_ in counted.everything():
        count = None if again else counted.recorded(row, pass_)
        if count is None:
            count, traced = of_preset(row, pass_), traced + 1
        counts.append((name, row, pass_, count))
    path = Path(str(resources.files(catalogue) / counted.FILE))
    path.write_text(counted.to_json(counts))
    layers = len({row.sizes for _, row, _, _ in counts})
    print(f"{path.name}: {len(counts)} counts of {layers} layers, {traced} of them new")


if __name__ == "__main__":
    main()
