"""One row of the catalogue: a published shape of a layer, with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import prod
from typing import Any, Literal

Pass = Literal["forward", "train"]
PASSES: tuple[Pass, ...] = ("forward", "train")
Values = Literal["normal", "parameter", "state", "unit", "index"]


@dataclass(frozen=True)
class Input:
    """Shape and values of one input of a layer, for one clip.

    Attributes:
        shape: Lengths of the axes, without the batch axis (which comes first).
        values: ``normal`` draws standard normal numbers in the dtype of the case; ``parameter``
            and ``state`` draw them in float32, for a model's parameters and what an optimizer
            keeps beside them; ``unit`` draws uniform float32 numbers in [0, 1), for coordinates
            and second moments; ``index`` draws integers below ``below``.
        below: Exclusive upper bound of an ``index`` input.
        batched: Whether the input has a batch axis; tables shared by all clips have none.
        per_device: Whether each device holds one such array, along a first axis of devices.
        given: Whether it comes from outside the model, so that a train pass has no gradient for it.
    """

    shape: tuple[int, ...]
    values: Values = "normal"
    below: int = 0
    batched: bool = True
    per_device: bool = field(default=False, repr=False)
    given: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if (self.values == "index") != (self.below > 0):
            raise ValueError(f"an index input needs a bound, and no other does: {self}")

    def batch_shape(self, batch: int) -> tuple[int, ...]:
        """The shape for ``batch`` clips."""
        return (batch, *self.shape) if self.batched else self.shape


@dataclass(frozen=True)
class Preset:
    """A published shape of a layer.

    Attributes:
        layer: Class name of the Flax module in ``reelbench.layers.<family>``.
        name: Name of this shape, unique in the catalogue; what a user types.
        clip: Frames, height and width of the video clip that the shape belongs to.
        inputs: The layer's inputs in call order; a bare shape means standard normal values.
        options: Keyword arguments of the layer's constructor.
        source: Paper or file that publishes the shape.
        assumed: Whether any size in the row is an assumption instead of a published figure.
        core: Whether the row is measured before the others when a budget is short.
        passes: The passes that make sense: an optimizer update has no gradient.
        carry: How many leading inputs the layer's outputs replace at the next call (their
            buffers are donated), as the state of an optimizer does.
        devices: How many devices it takes at least.
        family: Set by the catalogue to the name of the file that the row stands in.
    """

    layer: str
    name: str
    clip: tuple[int, int, int]
    inputs: Mapping[str, Input]
    options: Mapping[str, Any]
    source: str
    assumed: bool = False
    core: bool = False
    passes: tuple[Pass, ...] = PASSES
    carry: int = 0
    devices: int = 1
    family: str = field(default="", compare=False)

    @property
    def sizes(self) -> str:
        """Hash of everything that decides the work of the row: equal for equal work."""
        inputs, options = list(self.inputs.items()), sorted(self.options.items())
        text = repr((self.family, self.layer, inputs, options, self.passes, self.carry))
        if any(self.given):
            text += repr(self.given)
        return sha256(text.encode()).hexdigest()[:16]

    @property
    def given(self) -> tuple[bool, ...]:
        """Which inputs have no gradient because they come from outside the model."""
        return tuple(each.given for each in self.inputs.values())

    @property
    def frames(self) -> int:
        """Video frames in one clip."""
        return self.clip[0]

    @property
    def tokens(self) -> int:
        """Positions in the layer's first input: all its axes but the last (the channels)."""
        return prod(next(iter(self.inputs.values())).shape[:-1])


def preset(
    layer: str,
    name: str,
    *,
    clip: tuple[int, int, int],
    inputs: Mapping[str, tuple[int, ...] | Input],
    options: Mapping[str, Any],
    source: str,
    **rest: Any,
) -> Preset:
    """Write a row with bare shapes for ordinary inputs; see `Preset` for the fields."""
    full = {
        key: value if isinstance(value, Input) else Input(value) for key, value in inputs.items()
    }
    return Preset(layer, name, clip, full, options, source, **rest)
