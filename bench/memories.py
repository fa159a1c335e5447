"""The memory of training steps, predicted from their layers and compiled; nothing is run.

::

    python bench/memories.py r3d_18@8x56x56 timesformer-space@4x96x96,depth=4

Layers and steps are compiled as they are written, one clip, float32: seconds to two minutes for a
model. It tells for any model of the catalogue what ``reelbench validate`` tells for measured ones.
"""

import sys
from types import SimpleNamespace

from rich.console import Console
from rich.table import Table

from reelbench.catalogue.models import find_model
from reelbench.catalogue.models.steps import Step
from reelbench.measure import build, stepping
from reelbench.measure.compiling import compile_, trace
from reelbench.predict import counting
from reelbench.predict.memory import memory_of
from reelbench.predict.parts import Asked
from reelbench.units import print_bytes

_DTYPE = "float32"


class Compiled:
    """The layers that were compiled, found like those of a run."""

    def __init__(self):
        self._known = {}

    def find(self, preset, pass_, dtype, batch, _):
        """The memory of a layer, which is compiled when it is first asked for."""
        key = preset.sizes, pass_
        if key not in self._known:
            workload = build.from_catalogue(preset, pass_=pass_, dtype=dtype, batch=batch)
            traced = trace(workload)
            self._known[key] = SimpleNamespace(
                memory=compile_(traced).memory,
                kept_bytes=traced.kept_bytes,
                parameters=workload.parameters,
            )
        return self._known[key]


def main(names):
    """Print a row for each model.

    Raises:
        SystemExit: No model is named, or one is unknown.
    """
    if not names:
        sys.exit("name a model, as r3d_18@8x56x56; reelbench list shows all")
    try:
        models = [find_model(name) for name in names]
    except (LookupError, ValueError) as error:
        sys.exit(str(error))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model")
    for name in ("optimizer", "parameters", "predicted", "compiled", "error"):
        table.add_column(name, justify="right")
    layers = Compiled()
    for model in models:
        print(f"compiling {model.name} and its layers", file=sys.stderr)
        workload = stepping.of_step(Step(model), pass_="step", dtype=_DTYPE, batch=1)
        memory = compile_(trace(workload)).memory
        predicted = memory_of(model, layers, Asked(_DTYPE), counting.count)
        needed = memory.needed_bytes
        table.add_row(
            model.name,
            model.optimizer,
            print_bytes(predicted.parameters),
            print_bytes(predicted.total),
            print_bytes(needed),
            f"{100 * (predicted.total / needed - 1):+.1f} %",
        )
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
