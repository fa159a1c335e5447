"""Augmentation that mixes the clips of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.augmentation_boxes import place, wide, within

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

    Clips = Float[Array, "batch t h w c"]


class Mixing(nnx.Module):
    """Mixup or CutMix of each clip with the one at the mirrored place in the batch.

    Zhang et al., "mixup", 2017, arXiv:1710.09412; Yun et al., "CutMix", 2019, arXiv:1905.04899;
    PySlowFast ``slowfast/datasets/mixup.py``. The whole batch shares one choice. A batch of one
    clip is mixed with itself.

    Args:
        num_classes: Classes of the labels.
        mixup_alpha: Both parameters of the beta distribution of a clip's share in Mixup.
        cutmix_alpha: The same of CutMix.
        cutmix_probability: Chance of CutMix.
        label_smoothing: Share of a target spread evenly over all classes.
        dtype: Dtype of the outputs; they are computed in float32 at least.
        param_dtype: Without effect.
        rngs: Without effect.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        mixup_alpha: float = 0.8,
        cutmix_alpha: float = 1.0,
        cutmix_probability: float = 0.5,
        label_smoothing: float = 0.1,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.num_classes = num_classes
        self.mixup_alpha = mixup_alpha
        self.cutmix_alpha = cutmix_alpha
        self.cutmix_probability = cutmix_probability
        self.label_smoothing = label_smoothing
        self.dtype = dtype

    def __call__(
        self,
        frames: Clips,
        labels: Int[Array, " batch"],
        choice: Float[Array, " 3"],
        shares: Float[Array, "tries 2"],
    ) -> tuple[Clips, Float[Array, "batch num_classes"]]:
        """Mix the batch.

        Args:
            frames: Normalised pixels.
            labels: Class of each clip.
            choice: In [0, 1): whether it is CutMix; row and column of the centre of its box.
            shares: In [0, 1), for each try a pair from which Jöhnk's method makes a number of the
                beta distribution, a clip's own share: with ``x = u**(1/alpha)`` and ``y`` alike it
                is ``x / (x + y)``, of the first try whose sum is 1 at most. In 16 tries there is
                one but for 1 in 3 million (alpha 0.8) or 1 in 65,000 (1.0); then the first counts.

        Returns:
            The mixed clips and their mixed, smoothed targets.
        """
        is_cutmix = choice[0] < self.cutmix_probability
        alpha = jnp.where(is_cutmix, self.cutmix_alpha, self.mixup_alpha).astype(shares.dtype)
        own = _beta(shares, alpha)
        dtype = wide(frames)

        def mixup(frames: Array) -> tuple[Array, Array]:
            share = own.astype(dtype)
            x = frames.astype(dtype)
            return (x * share + x[::-1] * (1 - share)).astype(frames.dtype), own

        def cutmix(frames: Array) -> tuple[Array, Array]:
            height, width = frames.shape[2:4]
            side = jnp.sqrt(1 - own)
            edges = []
            for length, u in ((height, choice[1]), (width, choice[2])):
                half = jnp.floor(length * side).astype(jnp.int32) // 2
                centre = place(u, length - 1)
                edges.append([jnp.clip(centre + d, 0, length) for d in (-half, half)])
            (top, bottom), (left, right) = edges
            h, w = bottom - top, right - left
            inside = within(height, width, top, left, h, w)[..., None]
            # What the border cuts off the box is not mixed: the share follows.
            share = 1 - (h * w).astype(own.dtype) / (height * width)
            return jnp.where(inside, frames[::-1], frames), share

        mixed, own = jax.lax.cond(
            is_cutmix, cutmix, mixup, frames.astype(self.dtype or frames.dtype)
        )
        classes = jax.nn.one_hot(labels, self.num_classes, dtype=own.dtype)
        smoothed = (1 - self.label_smoothing) * classes + self.label_smoothing / self.num_classes
        targets = own * smoothed + (1 - own) * smoothed[::-1]
        return mixed, targets.astype(mixed.dtype)


def _beta(shares: Array, alpha: Array) -> Array:
    x, y = jnp.moveaxis(shares ** (1 / alpha), -1, 0)
    total = x + y
    accepted = (total > 0) & (total <= 1)
    first = jnp.argmax(accepted)
    return (x / jnp.where(total > 0, total, 1))[first]
