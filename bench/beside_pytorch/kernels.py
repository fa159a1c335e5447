"""What of a call oneDNN's own kernels take, in JAX and in PyTorch.

    cd bench; python -m beside_pytorch.kernels LAYER... [--pass train] [--implementation onednn]

Both libraries hand convolutions to oneDNN, which tells how long each of its kernels took if it is
asked to. Each is measured in a process of its own, so that neither's idle threads are in the
other's way. What a call takes beyond the kernels is dispatch, handing work to threads, making
room for outputs, and a few microseconds for telling. Nothing else should run beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

from rich.console import Console
from rich.table import Table

from reelbench.machine.awake import kept_awake
from reelbench.units import print_time

CALLS = 300
_CHOOSING_S = 60.0
_LIBRARIES = ("JAX", "PyTorch")
_ENDED = "reelbench-call-s"


def main() -> None:
    """Measure and print, or be one of the processes that measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("layers", nargs="+", metavar="LAYER", help="of the catalogue")
    parser.add_argument("--pass", dest="pass_", default="forward", choices=("forward", "train"))
    parser.add_argument("--implementation", default="onednn", help="JAX's (default: onednn)")
    parser.add_argument("--awake", action="store_true", help="keep the CPUs from idling")
    parser.add_argument("--child", choices=_LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _time(options.layers[0], options.pass_, options.implementation, options.child)
        return
    with kept_awake() if options.awake else nullcontext():
        _show(options)


def _show(options: argparse.Namespace) -> None:
    table = Table("layer", "library", "what", box=None)
    for name in ("times", "time"):
        table.add_column(name, justify="right")
    for layer in options.layers:
        for library in _LIBRARIES:
            words = [layer, f"--pass={options.pass_}", f"--child={library}"]
            words += [f"--implementation={options.implementation}"]
            for row in _rows(words):
                table.add_row(layer, library, *row)
    Console(width=100).print(table)


def _rows(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """The call, each kernel in it, and what is left."""
    said = _child(words)
    left_s = _call_s(said)
    yield "call", "1", print_time(left_s)
    for kernel, times_s in _kernels(said).items():
        often = round(len(times_s) / CALLS)
        if not often:
            continue
        median_s = statistics.median(times_s)
        left_s -= often * median_s
        yield kernel, str(often), print_time(median_s)
    yield "beyond them", "", print_time(left_s) if left_s > 0 else "nothing"


def _child(words: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "beside_pytorch.kernels", *words],
        env={**os.environ, "ONEDNN_VERBOSE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr.strip().rpartition("\n")[2][:300])
    return done.stdout


def _call_s(said: str) -> float:
    # Python and the library write through buffers of their own, so that it may stand within a line.
    return float(said.partition(_ENDED)[2].split()[0])


def _kernels(said: str) -> dict[str, list[float]]:
    """Seconds of the executions of each kernel in the timed calls: its kind, name and shape."""
    found: dict[str, list[float]] = defaultdict(list)
    last = ""
    # The timed calls come last; what ran before them, while the call was prepared, is no part.
    for line in reversed(said.splitlines()):
        fields = line.split(",")
        # onednn_verbose,v1,primitive,exec,cpu,KIND,NAME,PROPAGATION,DATA,…,SHAPE,MILLISECONDS
        if line.startswith("onednn_verbose") and fields[3:5] == ["exec", "cpu"]:
            kernel = " ".join((fields[5], fields[6], fields[-2]))[:48]
            last = last or kernel
            found[kernel].append(float(fields[-1]) / 1e3)
            if len(found[last]) == CALLS:
                break
    return found


def _time(layer: str, pass_: str, implementation: str, library: str) -> None:
    import time

    call = _call(layer, pass_, implementation, library)
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    print(_ENDED, statistics.median(times))


def _call(layer: str, pass_: str, implementation: str, library: str) -> Callable[[], Any]:
    from beside_pytorch.peer import Peer
    from reelbench.catalogue import find
    from reelbench.machine import facts, identity
    from reelbench.measure import build, choosing, protocol
    from reelbench.measure.axes import Axes
    from reelbench.measure.compiling import trace
    from reelbench.measure.remembered import Remembered

    try:
        preset = find(layer)
    except LookupError as error:
        sys.exit(str(error.args[0]))
    workload = build.at_axes(preset, Axes(pass_=pass_, dtype="float32", batch=1))
    if library == "PyTorch":
        return Peer(preset, pass_, workload.make(), "float32", channels_last=True)
    known = facts.collect()
    remembered = Remembered(identity.machine_id(known), known)
    limits = choosing.limits_of(known)
    try:
        choice = choosing.choose(workload, limits, remembered, _CHOOSING_S, only=implementation)
        return protocol.prepare(trace(choosing.with_choice(workload, choice)))[1]
    except choosing.NoOtherWayError as error:
        sys.exit(f"{layer}: {error} ({implementation})")


if __name__ == "__main__":
    main()
