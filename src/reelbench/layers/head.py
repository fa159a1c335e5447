"""Classification heads of CNNs: average pooling, then a linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Window = tuple[int, int, int]


def average_pool(
    x: Float[Array, "batch t h w features"], window: Window | None
) -> Float[Array, "batch t2 h2 w2 features"]:
    """Means over every window of ``x``, or over all positions where there is no window.

    Raises:
        ValueError: A window is larger than ``x``: there is no place for it.
    """
    if window is None:
        return jnp.mean(x, axis=(1, 2, 3), keepdims=True)
    sizes = x.shape[1:4]
    if any(length > size for length, size in zip(window, sizes, strict=True)):
        raise ValueError(f"a window of {window} has no place in {sizes}: make the clip larger")
    # Sums of hundreds of numbers need more digits than bfloat16 has.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return nnx.avg_pool(wide, window).astype(x.dtype)


class PoolingHead(nnx.Module):
    """Average pooling, a linear layer at every remaining position, and the mean of these.

    torchvision ``models/video/resnet.py`` (one position: pooling over all of them) and
    ``models/video/s3d.py`` (a 1×1×1 convolution, which is the same); PyTorchVideo
    ``models/head.py``, ``create_res_basic_head``; TSM ``ops/models.py`` (one position a frame).
    Clips larger than the window, as they are in testing, leave several positions.

    Args:
        in_features: Channels of the input.
        num_classes: Number of logits.
        window: Lengths of the pooling along time, height and width, which moves by one position;
            by default the whole input.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        window: Window | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.window = window
        self.linear = nnx.Linear(
            in_features, num_classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Logits of ``x``."""
        return jnp.mean(self.linear(average_pool(x, self.window)), axis=(1, 2, 3))


class SlowFastHead(nnx.Module):
    """Both pathways pooled, their channels joined, and a linear layer at every position.

    Feichtenhofer et al., "SlowFast Networks for Video Recognition", 2019, arXiv:1812.03982;
    PyTorchVideo ``models/slowfast.py``, ``PoolConcatPathway``, and ``models/head.py``.

    Args:
        slow_features: Channels of the slow pathway.
        fast_features: Channels of the fast pathway.
        num_classes: Number of logits.
        slow_window: Lengths of the pooling of the slow pathway, which moves by one position; by
            default the whole input.
        fast_window: The same for the fast pathway.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        slow_features: int,
        fast_features: int,
        num_classes: int,
        *,
        slow_window: Window | None = None,
        fast_window: Window | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.slow_window = slow_window
        self.fast_window = fast_window
        self.linear = nnx.Linear(
            slow_features + fast_features,
            num_classes,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self,
        slow: Float[Array, "batch t h w slow_features"],
        fast: Float[Array, "batch fast_t h w fast_features"],
    ) -> Float[Array, "batch num_classes"]:
        """Logits of a clip from both its pathways."""
        pooled = [average_pool(slow, self.slow_window), average_pool(fast, self.fast_window)]
        return jnp.mean(self.linear(jnp.concatenate(pooled, axis=-1)), axis=(1, 2, 3))
