"""Augmentation of training clips on the device, the same for all frames of a clip.

Every random choice is an input, so that a call is a pure function. Pixels are numbers in [0, 1].
Where chances are compared, ``u < p`` does what has the chance ``p``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.augmentation_boxes import RandomErasing, ResizedCrop, wide
from reelbench.layers.augmentation_mixing import Mixing
from reelbench.layers.augmentation_ops import MAX_MAGNITUDE, OPERATIONS

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

    Clips = Float[Array, "batch t h w c"]


__all__ = ["Augmentation", "Mixing", "RandAugment", "RandomErasing", "ResizedCrop"]


class RandAugment(nnx.Module):
    """Some operations one after the other, each drawn from a list and left out by chance.

    Cubuk et al. 2019, arXiv:1909.13719; PySlowFast ``slowfast/datasets/rand_augment.py``, where
    ``rand-m7-n4-mstd0.5-inc1`` stands for the defaults here. Geometric operations sample
    bicubically, as the setting ``AUG.INTERPOLATION`` says. Clips are done one after the other and
    run only the operations they drew: the time depends on the draws. An operation computes in
    float32 at least; ``dtype`` is what is kept between two (bfloat16 tells 256 levels apart).

    Args:
        operations: Names of the operations in `augmentation_ops`, in the order of ``index``.
        probability: Chance that an operation is not left out.
        magnitude: Mean magnitude, from 0 to 10.
        magnitude_std: Standard deviation of the magnitude.
        dtype: Dtype of the output.
        param_dtype: Without effect.
        rngs: Without effect.
    """

    def __init__(
        self,
        *,
        operations: Sequence[str] = tuple(OPERATIONS),
        probability: float = 0.5,
        magnitude: float = 7.0,
        magnitude_std: float = 0.5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.operations = tuple(operations)
        self.probability = probability
        self.magnitude = magnitude
        self.magnitude_std = magnitude_std
        self.dtype = dtype

    def __call__(
        self,
        frames: Clips,
        index: Int[Array, "batch layers"],
        draws: Float[Array, "batch layers 3"],
    ) -> Clips:
        """Augment each clip.

        Args:
            frames: Pixels in [0, 1].
            index: Which operation each layer applies.
            draws: In [0, 1), for each layer: whether it is applied; the quantile of the normal
                distribution that its magnitude is, clipped to 0…10; whether the effect has its
                opposite sign (0.5 or more), where it has one.
        """
        frames = frames.astype(self.dtype or frames.dtype)
        dtype = wide(frames)

        def layer(clip: Array, drawn: tuple[Array, ...]) -> tuple[Array, None]:
            which, (applied, quantile, sign) = drawn
            deviation = self.magnitude_std * jax.scipy.special.ndtri(quantile)
            magnitude = jnp.clip(self.magnitude + deviation, 0, MAX_MAGNITUDE)
            branches = [
                lambda clip, *_: clip,
                *(
                    lambda clip, *rest, name=name: OPERATIONS[name](
                        clip.astype(dtype), *rest
                    ).astype(clip.dtype)
                    for name in self.operations
                ),
            ]
            chosen = jnp.where(applied < self.probability, 1 + which, 0)
            sign = jnp.where(sign < 0.5, 1, -1).astype(magnitude.dtype)
            return jax.lax.switch(chosen, branches, clip, magnitude, sign), None

        def one(each: tuple[Array, Array, Array]) -> Array:
            clip, *drawn = each
            return jax.lax.scan(layer, clip, tuple(drawn))[0]

        return jax.lax.map(one, (frames, index, draws))


class Augmentation(nnx.Module):
    """The whole augmentation of MViTv2's training, each clip once or several times.

    RandAugment at the decoded size, normalisation, resized crop, horizontal flip, random erasing,
    and Mixup or CutMix over the batch, in this order: PySlowFast ``slowfast/datasets/kinetics.py``
    and ``configs/Kinetics/MVITv2_S_16x4.yaml``. Several augmentations of one clip (Hoffer et al.,
    "Augment your batch", 2019, arXiv:1901.09335) stand side by side in the batch.

    Args:
        size: Height and width of the output.
        num_classes: Classes of the labels.
        mean: Subtracted from every pixel.
        std: What the difference is divided by.
        flip_probability: Chance that a clip is mirrored.
        dtype: Dtype of the outputs and of what is kept between two steps.
        param_dtype: Without effect.
        rngs: Without effect.
    """

    def __init__(
        self,
        size: int,
        num_classes: int,
        *,
        mean: float = 0.45,
        std: float = 0.225,
        flip_probability: float = 0.5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.mean = mean
        self.std = std
        self.flip_probability = flip_probability
        self.operations = RandAugment(dtype=dtype)
        self.crop = ResizedCrop(size, dtype=dtype)
        self.erasing = RandomErasing(dtype=dtype)
        self.mixing = Mixing(num_classes, dtype=dtype)

    def __call__(
        self,
        frames: Clips,
        labels: Int[Array, " batch"],
        index: Int[Array, "batch samples layers"],
        operations: Float[Array, "batch samples layers 3"],
        crop: Float[Array, "batch samples tries 4"],
        chances: Float[Array, "batch samples 2"],
        erasing: Float[Array, "batch samples many_tries 4"],
        noise: Float[Array, "batch samples t size size c"],
        mixing: Float[Array, " 3"],
        shares: Float[Array, "mix_tries 2"],
    ) -> tuple[Float[Array, "batch*samples t size size c"], Float[Array, "batch*samples classes"]]:
        """Augment a batch.

        Args:
            frames: Pixels in [0, 1]: levels of decoded frames over 255.
            labels: Class of each clip.
            index: Of `RandAugment`.
            operations: Draws of `RandAugment`.
            crop: Draws of `ResizedCrop`.
            chances: In [0, 1): whether the sample is mirrored; whether a part is erased.
            erasing: Draws of `RandomErasing`.
            noise: Of `RandomErasing`.
            mixing: Choice of `Mixing`.
            shares: Of `Mixing`.

        Returns:
            Normalised clips and their targets.
        """
        samples = index.shape[1]
        index, operations, crop, chances, erasing, noise = (
            each.reshape(-1, *each.shape[2:])
            for each in (index, operations, crop, chances, erasing, noise)
        )
        x = self.operations(jnp.repeat(frames, samples, axis=0), index, operations)
        x = ((x.astype(wide(x)) - self.mean) / self.std).astype(x.dtype)
        x = self.crop(x, crop)
        mirrored = chances[:, 0, None, None, None, None] < self.flip_probability
        x = jnp.where(mirrored, x[:, :, :, ::-1], x)
        x = self.erasing(x, noise, chances[:, 1], erasing)
        return self.mixing(x, jnp.repeat(labels, samples), mixing, shares)
