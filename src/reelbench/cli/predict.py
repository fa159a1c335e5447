"""``reelbench predict``: what a model's training step takes, from measured layers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from reelbench.cli.arguments import FormatOption, UsageError, answer, run_file
from reelbench.predict.ceilings import Ceilings
from reelbench.predict.errors import CeilingsError
from reelbench.predict.rates import rates_of
from reelbench.predict.step import predict_step
from reelbench.report.prediction import STEP, prediction_tables
from reelbench.results.read import load

_MOST_BATCH = 2**20


def predict(
    model: str,
    /,
    *,
    rates: str,
    dtype: str = "float32",
    batch: int = 1,
    implementation: Literal["best", "reference"] = "best",
    remat: Annotated[bool, Parameter(negative="")] = False,
    on: str | None = None,
    style: FormatOption = "table",
) -> None:
    """The training step of a model: time, throughput and memory, from the layers of a run.

    Args:
        model: A model of the catalogue, also at another size: `r3d_18`, `r3d_18@8x56x56`,
            `videomae-b@8x96x96,depth=2`.
        rates: A result file with measured layers, or a machine's folder, which means its newest.
        dtype: Dtype of the computation.
        batch: Clips a step.
        implementation: Each layer in the fastest way that was measured, or as it is written.
        remat: Each layer keeps its inputs only and is computed again in the backward pass.
        on: A result file of another machine, which need hold no more than its ceilings.
        style: How to write it.
    """
    if not 1 <= batch <= _MOST_BATCH:
        raise UsageError(f"--batch: {batch}; write a number from 1 to {_MOST_BATCH}")
    path = run_file(rates)
    prediction = predict_step(
        model,
        rates_of(load(path), Path(path).name),
        dtype=dtype,
        batch=batch,
        implementation=implementation,
        rematerialised=remat,
        on=_ceilings(on) if on else None,
    )
    answer(prediction_tables(prediction), style, main=STEP)


def _ceilings(text: str) -> Ceilings:
    path = run_file(text)
    machine = load(path).machine_info.reelbench
    if machine is None:
        raise CeilingsError(
            f"{path.name}: machine_info.reelbench is missing, so it holds no ceilings; measure "
            "them there with pytest --benchmark-only bench/test_ceilings.py"
        )
    return Ceilings.of(machine, path.name)
