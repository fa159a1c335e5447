"""The `measure` fixture: one call measures one pass of one layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from reelbench.catalogue import Preset
from reelbench.catalogue.models.steps import STEP_PASSES, Step
from reelbench.measure import build, compiling, protocol, serving
from reelbench.measure.axes import PASSES, Axes
from reelbench.measure.failure import CaseFailure
from reelbench.measure.workload import Workload
from reelbench.plugin.replica import Replica
from reelbench.plugin.run import Run
from reelbench.results.schema import CaseRecord
from reelbench.wire import Channel


class Measure:
    """Measures a layer in a test; pytest runs the test once for each pass.

    A row of the catalogue::

        def test_layer(measure, preset):
            measure(preset)

    or anybody's own Flax NNX module or function, with its inputs::

        def test_my_block(measure):
            measure(MyBlock(rngs=nnx.Rngs(0)), x)
    """

    def __init__(
        self,
        node: pytest.Item,
        benchmark: Any,
        axes: Axes,
        run: Run | Replica | None,
        channel: Channel | None = None,
    ) -> None:
        self._node = node
        self._benchmark = benchmark
        self._axes = axes
        self._run = run
        self._channel = channel
        self._used = False

    def __call__(
        self,
        target: Any,
        *inputs: Any,
        passes: Sequence[str] = (*PASSES, *STEP_PASSES),
        clips: float | None = None,
        reference: Callable[..., Any] | None = None,
    ) -> CaseRecord | None:
        """Measure one pass of a layer.

        Args:
            target: A row of the catalogue (``reelbench.catalogue.find(name)``), a Flax NNX module,
                or a function.
            inputs: What a module or function is called with; pytrees of arrays.
            passes: The passes that make sense for it; others are skipped.
            clips: Video clips that one call handles; by default the length of the first axis.
            reference: A function of the same inputs whose outputs the forward pass must equal.

        Returns:
            The measurement, or None under ``--benchmark-disable`` and for `reelbench ab`.

        Raises:
            ValueError: ``passes`` names an unknown pass, or the test has measured already.
            TypeError: The target cannot be measured.
        """
        if self._used:
            raise ValueError("measure() may be called once a test; parametrize the test instead")
        self._used = True
        unknown = set(passes) - {*PASSES, *STEP_PASSES}
        if unknown:
            raise ValueError(f"passes={tuple(passes)!r}: choose from {', '.join(PASSES)}")
        if self._axes.pass_ not in passes:
            if self._run:
                self._run.drop(self._node.nodeid)
            pytest.skip(f"the {self._axes.pass_} pass was not asked for")

        def build_() -> Workload:
            return self._workload(target, inputs, clips, reference)

        if self._channel is not None:
            self._end(serving.serve(self._channel, self._node.nodeid, build_))
            return None
        if self._run is None:
            self._call_once(build_())
            return None
        return self._run.measure(self._node, self._benchmark, build_)

    def _workload(
        self,
        target: Any,
        inputs: tuple[Any, ...],
        clips: float | None,
        reference: Callable[..., Any] | None,
    ) -> Workload:
        workload = self._written(target, inputs, clips, reference)
        wanted = self._axes.implementation
        if wanted is None:
            return workload
        return replace(workload, identity=structs.replace(workload.identity, implementation=wanted))

    def _written(
        self,
        target: Any,
        inputs: tuple[Any, ...],
        clips: float | None,
        reference: Callable[..., Any] | None,
    ) -> Workload:
        """The workload as its layer is written, whatever will compute it."""
        if isinstance(target, Preset | Step):
            return build.at_axes(target, self._axes)
        import jax

        leaves = [x for x in jax.tree.leaves(inputs) if hasattr(x, "shape")]
        counted = leaves[0].shape[0] if leaves and leaves[0].shape else 1
        return build.from_user(
            target,
            inputs,
            name=self._axes.strip(self._node.nodeid),
            pass_=self._axes.pass_,
            clips=float(counted if clips is None else clips),
            reference=reference,
        )

    def _call_once(self, workload: Workload) -> None:
        """Under ``--benchmark-disable``: everything but the clock."""
        try:
            protocol.prepare(compiling.trace(workload))
        except CaseFailure as failure:
            self._end(failure)

    @staticmethod
    def _end(failure: CaseFailure | None) -> None:
        if failure is None:
            return
        if failure.outcome.is_mistake:
            pytest.fail(str(failure), pytrace=False)
        pytest.skip(str(failure))
