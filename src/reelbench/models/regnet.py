"""RegNet, an image classifier that takes the frames of a clip one by one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.regnet import RegNetBlock, RegNetHead, RegNetStem

if TYPE_CHECKING:
    from jaxtyping import Array, Float

STEM_FEATURES = 32


class RegNetTrunk(nnx.Module):
    """RegNet without its head: feature maps at 1/4, 1/8, 1/16, 1/32 of the image.

    Radosavovic et al., "Designing Network Design Spaces", 2020, arXiv:2003.13678; torchvision
    ``models/regnet.py``, ``RegNet``.

    Args:
        depths: Blocks of each stage.
        widths: Channels of each stage.
        group_widths: Channels of a group, for each stage.
        se_ratio: Width of the squeeze relative to a block's input; 0 for none.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        depths: tuple[int, ...],
        widths: tuple[int, ...],
        group_widths: tuple[int, ...],
        se_ratio: float = 0.25,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.stem = RegNetStem(3, STEM_FEATURES, **made)
        found: list[nnx.List[RegNetBlock]] = []
        for depth, (before, width), group in zip(
            depths, pairwise((STEM_FEATURES, *widths)), group_widths, strict=True
        ):
            shape: dict[str, Any] = {"group_width": group, "se_ratio": se_ratio, **made}
            first = RegNetBlock(before, width, strides=(2, 2), **shape)
            rest = (RegNetBlock(width, width, **shape) for _ in range(depth - 1))
            found.append(nnx.List([first, *rest]))
        self.stages = nnx.List(found)

    def __call__(
        self, frames: Float[Array, "batch frames h w 3"]
    ) -> list[Float[Array, "batch frames _h _w _width"]]:
        """The output of each stage."""
        x, found = self.stem(frames), []
        for stage in self.stages:
            for block in stage:
                x = block(x)
            found.append(x)
        return found


class RegNet(nnx.Module):
    """RegNet as a classifier.

    Radosavovic et al., "Designing Network Design Spaces", 2020, arXiv:2003.13678; torchvision
    ``models/regnet.py``, ``RegNet``.

    Args:
        depths: Blocks of each stage.
        widths: Channels of each stage.
        group_widths: Channels of a group, for each stage.
        se_ratio: Width of the squeeze relative to a block's input; 0 for none.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        depths: tuple[int, ...],
        widths: tuple[int, ...],
        group_widths: tuple[int, ...],
        se_ratio: float = 0.25,
        num_classes: int = 1000,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.trunk = RegNetTrunk(depths, widths, group_widths, se_ratio, **made)
        self.head = RegNetHead(widths[-1], num_classes, **made)

    def __call__(
        self, frames: Float[Array, "batch frames h w 3"]
    ) -> Float[Array, "batch frames classes"]:
        """Classify each frame."""
        return self.head(self.trunk(frames)[-1])
