"""BiFPN: feature maps of several resolutions, fused downwards and upwards."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.bifpn_parts import Fusion, Projection, SeparableConv, halve

if TYPE_CHECKING:
    from jaxtyping import Array, Float

# Of every batch norm of the network.
_EPSILON, _MOMENTUM = 1e-3, 0.99


class CoarserLevels(nnx.Module):
    """Adds coarser levels to a pyramid: the coarsest is projected, then halved again and again.

    Tan et al., "EfficientDet", 2020, arXiv:1911.09070; google/automl
    ``efficientdet/efficientdet_arch.py``, ``build_feature_network``. Halving is max-pooling with
    3×3 windows.

    Args:
        in_features: Channels of the input.
        features: Channels of the new levels.
        levels: How many new levels.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        levels: int = 2,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.levels = levels
        self.projection = Projection(
            in_features, features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch cameras h w in_features"]
    ) -> tuple[Float[Array, "batch cameras _h _w features"], ...]:
        """The new levels, finest first."""
        found = [halve(self.projection(x))]
        for _ in range(self.levels - 1):
            found.append(halve(found[-1]))
        return tuple(found)


class BiFPNLayer(nnx.Module):
    """One round of fusion through a pyramid of feature maps, coarse to fine and back.

    On the way down each level but the coarsest is fused with the level above it, on the way up
    each but the finest with the level below it; levels between the ends see their input again on
    the way up. A fusion is a weighted mean, swish and a separable convolution. The first round
    projects inputs of other widths, once for each use.

    Tan et al., "EfficientDet", 2020, arXiv:1911.09070, section 3.3; google/automl
    ``efficientdet/efficientdet_arch.py``, ``build_bifpn_layer``, and ``tf2/fpn_configs.py``.

    Args:
        in_features: Channels of each level of the input, finest first.
        features: Channels of each level of the output.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: tuple[int, ...],
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        fusion = partial(Fusion, features=features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        *lower, coarsest = in_features
        self.top = len(in_features) - 1
        # The level above has been fused already, but for the coarsest.
        self.down = nnx.List(
            fusion((width, coarsest if level == self.top - 1 else features))
            for level, width in enumerate(lower)
        )
        self.up = nnx.List(
            fusion((width, features) if level == self.top else (width, features, features))
            for level, width in enumerate(in_features)
            if level
        )

    def __call__(
        self, *levels: Float[Array, "batch cameras _h _w _features"]
    ) -> tuple[Float[Array, "batch cameras _h _w features"], ...]:
        """Fuse the levels, given and returned finest first."""
        down = list(levels)
        for level in reversed(range(self.top)):
            down[level] = self.down[level](levels[level], down[level + 1])
        up = down[:1]
        for level in range(1, self.top + 1):
            seen = (levels[level],) if level == self.top else (levels[level], down[level])
            up.append(self.up[level - 1](*seen, up[-1]))
        return tuple(up)


class PyramidHead(nnx.Module):
    """A convolutional head that runs over every level of a pyramid with the same kernels.

    Each level has its own norms. EfficientDet has two such heads: one for the classes and one for
    the boxes of its anchors.

    Tan et al., "EfficientDet", 2020, arXiv:1911.09070; google/automl
    ``efficientdet/efficientdet_arch.py``, ``class_net`` and ``box_net``.

    Args:
        features: Channels of each level.
        out_features: Outputs of each pixel.
        levels: Levels.
        repeats: Hidden separable convolutions.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        out_features: int,
        levels: int = 5,
        repeats: int = 3,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(SeparableConv, features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        norm = partial(
            nnx.BatchNorm,
            features,
            momentum=_MOMENTUM,
            epsilon=_EPSILON,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.hidden = nnx.List(conv(features) for _ in range(repeats))
        self.norms = nnx.List(nnx.List(norm() for _ in range(levels)) for _ in range(repeats))
        self.out = conv(out_features)

    def __call__(
        self, *levels: Float[Array, "batch cameras _h _w features"]
    ) -> tuple[Float[Array, "batch cameras _h _w out_features"], ...]:
        """The outputs at every pixel of every level."""
        found = []
        for level, each in enumerate(levels):
            x = each
            for conv, norms in zip(self.hidden, self.norms, strict=True):
                x = jax.nn.silu(norms[level](conv(x)))
            found.append(self.out(x))
        return tuple(found)
