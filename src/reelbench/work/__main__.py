"""``python -m reelbench.work`` counts every layer of the catalogue and records what it found."""

from importlib import resources
from pathlib import Path

from reelbench import catalogue
from reelbench.catalogue import counted
from reelbench.work.count import of_preset


def main() -> None:
    """Write the record anew; layers whose sizes it already knows are counted again too."""
    counts = [(*each, of_preset(*each[1:])) for each in counted.everything()]
    path = Path(str(resources.files(catalogue) / counted.FILE))
    path.write_text(counted.to_json(counts))
    print(f"{path.name}: {len(counts)} counts of {len({each[1].sizes for each in counts})} layers")


if __name__ == "__main__":
    main()
