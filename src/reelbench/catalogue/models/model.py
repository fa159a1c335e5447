"""A whole model as a composition: which layers, at which shapes, how often."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reelbench.catalogue.preset import PASSES, Input, Pass, Preset

Quantity = Literal["parameters", "macs", "flops"]
Optimizer = Literal["adamw", "sgd"]

_FIGURE = re.compile(r"(?P<digits>[\d,]+(\.\d+)?)( (?P<scale>[KMGTP]))?")
_SCALES = {None: 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}


@dataclass(frozen=True)
class Part:
    """A layer inside a model.

    Attributes:
        name: Its place in the model, as ``layer1`` or ``blocks``.
        preset: The layer with the shape that it has there.
        count: How often one forward pass of the model runs it.
        copies: How many sets of parameters those runs have; fewer than ``count`` where weights
            are shared.
        trained: Whether a training step differentiates it; a teacher or a frozen encoder only
            runs forward.
    """

    name: str
    preset: Preset
    count: int = 1
    copies: int = 1
    trained: bool = True


def part(
    name: str,
    layer: str,
    inputs: Mapping[str, tuple[int, ...] | Input],
    *,
    count: int = 1,
    copies: int | None = None,
    trained: bool = True,
    **options: Any,
) -> Part:
    """Write a part.

    Args:
        name: Its place in the model.
        layer: ``family.Class`` in ``reelbench.layers``.
        inputs: The layer's inputs in call order, for one clip; bare shapes are ordinary inputs.
        count: How often a forward pass runs it.
        copies: How many sets of parameters there are; by default one for each run.
        trained: Whether a training step differentiates it.
        options: Keyword arguments of the layer's constructor.
    """
    family, class_name = layer.split(".")
    full = {
        key: value if isinstance(value, Input) else Input(value) for key, value in inputs.items()
    }
    preset = Preset(class_name, name, (0, 0, 0), full, options, source="", family=family)
    return Part(name, preset, count, count if copies is None else copies, trained)


@dataclass(frozen=True)
class Published:
    """A figure that somebody published of a model, and how near ours must come.

    Attributes:
        quantity: ``parameters``, ``macs`` (multiply-accumulates of one forward pass) or ``flops``
            (2 per multiply-accumulate).
        figure: As printed there, in units or with a scale: ``33,371,472``, ``40.697 G``.
        source: Paper or file.
        convention: What the source counts, where that differs from ours (matrix products and
            convolutions of one clip, padding included).
        tolerance: Relative difference allowed beyond the rounding of the printed digits, for a
            convention that is not quite ours.
        unmet: Why our count differs by more, where it does.
    """

    quantity: Quantity
    figure: str
    source: str
    convention: str = ""
    tolerance: float = 0.0
    unmet: str = ""

    def __post_init__(self) -> None:
        if not _FIGURE.fullmatch(self.figure):
            raise ValueError(f"a figure is written as 33,371,472 or 40.697 G, not {self.figure!r}")

    @property
    def value(self) -> float:
        """The figure as a number."""
        digits, scale = self._parsed()
        return float(digits) * scale

    @property
    def rounding(self) -> float:
        """Half a unit of the last digit printed; nothing for a figure printed in full."""
        digits, scale = self._parsed()
        if scale == 1:
            return 0.0
        decimals = len(digits.partition(".")[2])
        return 0.5 * scale / 10**decimals

    def of(self, parameters: int, model_flops: float) -> float:
        """Our count of the same quantity."""
        ours = {"parameters": parameters, "flops": model_flops, "macs": model_flops / 2}
        return ours[self.quantity]

    def holds(self, ours: float) -> bool:
        """Whether our count, of the same quantity, is the published one."""
        slack = self.rounding + self.tolerance * self.value
        return abs(ours - self.value) <= slack * (1 + 1e-9)

    def as_printed(self, ours: float) -> str:
        """A count in the unit of the figure, with one digit more than the figure has."""
        digits, scale = self._parsed()
        if scale == 1:
            return f"{ours:,.0f}"
        match = _FIGURE.fullmatch(self.figure)
        assert match
        decimals = len(digits.partition(".")[2]) + 1
        return f"{ours / scale:,.{decimals}f} {match['scale']}"

    def _parsed(self) -> tuple[str, int]:
        match = _FIGURE.fullmatch(self.figure)
        assert match
        return match["digits"].replace(",", ""), _SCALES[match["scale"]]


@dataclass(frozen=True)
class Recipe:
    """How a model was composed, so that it can be composed at another size.

    Attributes:
        compose: The function of its kind.
        given: What it was called with, by parameter.
    """

    compose: Callable[..., Model]
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """A published model.

    Attributes:
        model: Class name of the Flax module in ``reelbench.models.<kind>``.
        name: Name of this size and clip, unique in the catalogue; what a user types.
        clip: Frames, height and width of the video clip that it takes.
        inputs: The model's inputs in call order.
        options: Keyword arguments of the model's constructor.
        parts: The layers that it is made of; they hold all its parameters and all its FLOPs.
        source: Paper or file that publishes it.
        published: Figures to hold our counts against.
        assumed: Whether any size is an assumption instead of a published figure.
        kind: Set by the catalogue to the name of the file that the model stands in.
        optimizer: What its training step updates parameters with; set by the catalogue to the
            ``OPTIMIZER`` of that file, AdamW where there is none.
        recipe: How it was composed.
    """

    model: str
    name: str
    clip: tuple[int, int, int]
    inputs: Mapping[str, Input]
    options: Mapping[str, Any]
    parts: tuple[Part, ...]
    source: str
    published: tuple[Published, ...] = ()
    assumed: bool = False
    kind: str = field(default="", compare=False)
    optimizer: Optimizer = field(default="adamw", compare=False)
    recipe: Recipe | None = field(default=None, compare=False, repr=False)

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The passes that all layers have."""
        return tuple(p for p in PASSES if all(p in part.preset.passes for part in self.parts))

    @property
    def layers(self) -> int:
        """Layers that one forward pass runs."""
        return sum(part.count for part in self.parts)
