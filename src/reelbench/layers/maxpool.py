"""Max pooling over time and space, as it stands between the stages of 3-D CNNs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Lengths = tuple[int, int, int]


class MaxPool3D(nnx.Module):
    """The largest value of each channel in every window.

    Xie et al., "Rethinking Spatiotemporal Feature Learning", 2018, arXiv:1712.04851; torchvision
    ``models/video/s3d.py``, ``nn.MaxPool3d``. No arithmetic is counted; its gradient goes to the
    first of the largest values.

    Args:
        window: Lengths of a window along time, height and width.
        strides: Steps from one window to the next.
        padding: Positions before the first and behind the last one that windows may cover.
        dtype: Dtype of the computation.
        param_dtype: Not used: it has no parameters.
        rngs: Not used.
    """

    def __init__(
        self,
        window: Lengths,
        strides: Lengths,
        *,
        padding: Lengths = (0, 0, 0),
        dtype: Dtype | None = None,
        param_dtype: Dtype | None = None,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.window = window
        self.strides = strides
        self.padding = [(length, length) for length in padding]
        self.dtype = dtype

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Pool ``x``."""
        x = x if self.dtype is None else x.astype(self.dtype)
        return nnx.max_pool(x, self.window, self.strides, self.padding)
