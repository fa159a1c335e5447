"""The memory of training steps, predicted from their layers and compiled; nothing is run.

::

    python bench/memories.py r3d_18@8x56x56 timesformer-space@4x96x96,depth=4
    python bench/memories.py --from results/MACHINE/RUN.json

Layers and steps are compiled as they are written, one clip, float32: seconds to two minutes for a
model. It tells for any model of the catalogue what ``reelbench validate`` tells for measured ones.
With ``--from`` they are computed as a run chose, on a machine that has the same libraries; without
names, all models of that run.
"""

import argparse
import sys
from types import SimpleNamespace

import jax
import jaxlib
from rich.console import Console
from rich.table import Table

from reelbench.catalogue.models import find_model
from reelbench.catalogue.models.steps import STEP_PASSES, Step
from reelbench.measure import build, choosing, stepping
from reelbench.measure.compiling import compile_, trace
from reelbench.measure.failure import CaseFailure
from reelbench.predict import counting
from reelbench.predict.ceilings import recomputes_late
from reelbench.predict.memory import memory_of
from reelbench.predict.parts import Asked
from reelbench.results.read import load
from reelbench.units import print_bytes

_DTYPE = "float32"


class Choices:
    """What a run chose for the operations of its cases; nothing without a run."""

    def __init__(self, results=None):
        records = results.records if results else ()
        self._known = {
            (record.identity.preset, record.identity.pass_): record.operations
            for record in records
            if record.identity.dtype == _DTYPE and record.identity.batch == 1
        }
        machine = results.machine_info.reelbench if results else None
        self._limits = choosing.limits_of(machine.facts) if machine else None

    def of(self, workload):
        """The workload computed so."""
        case = workload.identity.preset, workload.identity.pass_
        operations = self._known.get(case)
        return choosing.again(workload, operations, self._limits) if operations else workload

    @property
    def models(self):
        """Names of the models whose steps were measured."""
        return dict.fromkeys(preset for preset, pass_ in self._known if pass_ in STEP_PASSES)


class Compiled:
    """The layers that were compiled, found like those of a run."""

    def __init__(self, choices):
        self._choices, self._known = choices, {}
        self.ceilings = SimpleNamespace(
            recomputes_late=recomputes_late(jax.default_backend(), jaxlib.__version__)
        )

    def find(self, preset, pass_, dtype, batch, _):
        """The memory of a layer, which is compiled when it is first asked for."""
        key = preset.sizes, pass_
        if key not in self._known:
            workload = build.from_catalogue(preset, pass_=pass_, dtype=dtype, batch=batch)
            traced = trace(self._choices.of(workload))
            self._known[key] = SimpleNamespace(
                memory=compile_(traced).memory,
                kept_bytes=traced.kept_bytes,
                parameters=workload.parameters,
            )
        return self._known[key]


def main(words):
    """Print a row for each step of each model.

    Raises:
        SystemExit: No model is named, one is unknown, or the run cannot be read or chose what
            cannot be had here.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="as r3d_18@8x56x56")
    parser.add_argument("--from", dest="run", metavar="RUN", help="computed as this run chose")
    asked = parser.parse_args(words)
    try:
        choices = Choices(load(asked.run) if asked.run else None)
        models = [find_model(name) for name in asked.models or choices.models]
    except (LookupError, ValueError) as error:
        sys.exit(str(error))
    if not models:
        sys.exit("name a model, as r3d_18@8x56x56; reelbench list shows all")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model")
    table.add_column("pass")
    for name in ("optimizer", "parameters", "predicted", "compiled", "error"):
        table.add_column(name, justify="right")
    layers = Compiled(choices)
    for model in models:
        print(f"compiling {model.name} and its layers", file=sys.stderr)
        for pass_ in STEP_PASSES:
            workload = stepping.of_step(Step(model), pass_=pass_, dtype=_DTYPE, batch=1)
            rematerialised = pass_ == "step-remat"
            try:
                needed = compile_(trace(choices.of(workload))).memory.needed_bytes
                wanted = Asked(_DTYPE, rematerialised=rematerialised)
                predicted = memory_of(model, layers, wanted, counting.count)
            except CaseFailure as failure:
                sys.exit(f"{model.name}: {failure}; take the run's own jax, or leave --from out")
            table.add_row(
                model.name,
                pass_,
                model.optimizer,
                print_bytes(predicted.parameters),
                print_bytes(predicted.total),
                print_bytes(needed),
                f"{100 * (predicted.total / needed - 1):+.1f} %",
            )
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
