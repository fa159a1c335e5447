"""Temporal shift: channels of neighbouring frames change places, at no multiplication."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.residual import Residual

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class TemporalShift(nnx.Module):
    """Shifts a part of the channels by one frame into the past, and a part into the future.

    Lin et al., "TSM: Temporal Shift Module for Efficient Video Understanding", 2019,
    arXiv:1811.08383; ``ops/temporal_shift.py``, ``TemporalShift``. The first ``1/fold_divisor`` of
    the channels of a frame come from the next frame, the following ``1/fold_divisor`` from the one
    before; zeros enter at the ends of the clip. There are no parameters.

    Args:
        fold_divisor: The share of channels moved in each direction is one over this.
        dtype: Dtype of the output.
        param_dtype: Without effect.
        rngs: Without effect.
    """

    def __init__(
        self,
        *,
        fold_divisor: int = 8,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        del param_dtype, rngs
        self.fold_divisor = fold_divisor
        self.dtype = dtype

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w features"]:
        """Shift ``x`` along its frames."""
        fold = x.shape[-1] // self.fold_divisor
        ahead, behind, still = jnp.split(x, [fold, 2 * fold], axis=-1)
        ahead = jnp.pad(ahead[:, 1:], [(0, 0), (0, 1), (0, 0), (0, 0), (0, 0)])
        behind = jnp.pad(behind[:, :-1], [(0, 0), (1, 0), (0, 0), (0, 0), (0, 0)])
        return jnp.concatenate([ahead, behind, still], axis=-1, dtype=self.dtype)


class ShiftBottleneck(Residual):
    """The residual block of TSM-50: a bottleneck on each frame, whose input is shifted first.

    Lin et al. 2019, arXiv:1811.08383; ``ops/temporal_shift.py``, ``make_temporal_shift`` with
    ``blockres``, around torchvision ``models/resnet.py``, ``Bottleneck``. The shortcut is not
    shifted. The convolutions are 1×1, 3×3 (which strides) and 1×1, on each frame alone.

    Args:
        in_features: Channels of the input.
        mid_features: Channels between the convolutions.
        out_features: Channels of the output.
        strides: Strides along height and width.
        fold_divisor: The share of channels moved in each direction is one over this.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        mid_features: int,
        out_features: int,
        *,
        strides: tuple[int, int] = (1, 1),
        fold_divisor: int = 8,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        convolutions = (
            (mid_features, (1, 1), (1, 1)),
            (mid_features, (3, 3), strides),
            (out_features, (1, 1), (1, 1)),
        )
        super().__init__(in_features, convolutions, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.shift = TemporalShift(
            fold_divisor=fold_divisor, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def transform(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h2 w2 out_features"]:
        """The shift and the convolutions."""
        return super().transform(self.shift(x))
