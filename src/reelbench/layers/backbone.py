"""Backbones of camera images: residual networks and feature pyramids over a cameras axis."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.deformable_convolution import DeformableConv2D

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Style = Literal["pytorch", "caffe"]

__all__ = ["FPN", "Bottleneck", "DeformableConv2D", "FrozenBatchNorm", "ResNetStem"]


class FrozenBatchNorm(nnx.Module):
    """Batch normalisation by stored statistics, in training too.

    He et al., "Deep Residual Learning", 2015, arXiv:1512.03385; mmdet ``models/backbones/
    resnet.py`` with ``norm_eval``. The source does not train scale and bias either; here they are
    parameters like others.

    Args:
        features: Channels.
        epsilon: Added to the variance.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Not used: the layer starts as the identity.
    """

    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        del rngs
        self.dtype = dtype or param_dtype
        self.epsilon = epsilon
        self.scale = nnx.Param(jnp.ones((features,), param_dtype))
        self.bias = nnx.Param(jnp.zeros((features,), param_dtype))
        self.mean = nnx.BatchStat(jnp.zeros((features,), param_dtype))
        self.var = nnx.BatchStat(jnp.ones((features,), param_dtype))

    def __call__(self, x: Float[Array, "*axes features"]) -> Float[Array, "*axes features"]:
        """Normalise ``x``; scale and shift are found in the dtype of the parameters."""
        scale = self.scale[...] * jax.lax.rsqrt(self.var[...] + self.epsilon)
        shift = self.bias[...] - self.mean[...] * scale
        return x.astype(self.dtype) * scale.astype(self.dtype) + shift.astype(self.dtype)


class ResNetStem(nnx.Module):
    """A 7×7 convolution of stride 2, frozen normalisation, ReLU and a 3×3 max-pool of stride 2.

    He et al., "Deep Residual Learning", 2015, arXiv:1512.03385; mmdet
    ``models/backbones/resnet.py``.

    Args:
        features: Channels of the output.
        in_features: Channels of the images.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        in_features: int = 3,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.conv = nnx.Conv(in_features, features, (7, 7), 2, padding=3, use_bias=False, **each)
        self.norm = FrozenBatchNorm(features, **each)

    def __call__(
        self, images: Float[Array, "batch cameras h w colours"]
    ) -> Float[Array, "batch cameras h/4 w/4 features"]:
        """Reduce the images."""
        x = jax.nn.relu(self.norm(self.conv(images)))
        flat = x.reshape(-1, *x.shape[-3:])
        pooled = nnx.max_pool(flat, (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        return pooled.reshape(*x.shape[:-3], *pooled.shape[1:])


class Bottleneck(nnx.Module):
    """Convolutions 1×1, 3×3, 1×1 with frozen normalisation, and a shortcut.

    He et al., "Deep Residual Learning", 2015, arXiv:1512.03385; mmdet
    ``models/backbones/resnet.py``, ``Bottleneck``, with ``dcn`` of type DCNv2 where deformable. The
    shortcut is projected where the block changes the shape.

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the 3×3 convolution.
        out_features: Channels of the output.
        strides: Stride along height and width.
        style: Which convolution strides: ``pytorch`` the 3×3, ``caffe`` the first 1×1.
        deformable: Whether the 3×3 convolution is deformable.
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
        strides: int = 1,
        style: Style = "pytorch",
        deformable: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        conv = partial(nnx.Conv, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        first, middle = (1, strides) if style == "pytorch" else (strides, 1)
        self.conv1 = conv(in_features, mid_features, (1, 1), first, padding="VALID")
        self.norm1 = FrozenBatchNorm(mid_features, **each)
        self.conv2 = (
            DeformableConv2D(mid_features, mid_features, strides=middle, **each)
            if deformable
            else conv(mid_features, mid_features, (3, 3), middle, padding=1)
        )
        self.norm2 = FrozenBatchNorm(mid_features, **each)
        self.conv3 = conv(mid_features, out_features, (1, 1), padding="VALID")
        self.norm3 = FrozenBatchNorm(out_features, **each)
        self.projects = strides != 1 or in_features != out_features
        if self.projects:
            self.shortcut = conv(in_features, out_features, (1, 1), strides, padding="VALID")
            self.shortcut_norm = FrozenBatchNorm(out_features, **each)

    def __call__(
        self, x: Float[Array, "batch cameras h w in_features"]
    ) -> Float[Array, "batch cameras h2 w2 out_features"]:
        """Transform ``x`` and add it to the result."""
        y = jax.nn.relu(self.norm1(self.conv1(x)))
        y = jax.nn.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return jax.nn.relu(y + (self.shortcut_norm(self.shortcut(x)) if self.projects else x))


class FPN(nnx.Module):
    """Feature maps of one width: coarse maps are added to finer ones from the top down.

    Lin et al., "Feature Pyramid Networks", 2016, arXiv:1612.03144; mmdet ``models/necks/fpn.py``,
    ``FPN`` with ``add_extra_convs="on_output"`` and ``relu_before_extra_convs``.

    Args:
        in_features: Channels of each map, the finest first.
        out_features: Channels of every output.
        num_outs: Number of outputs; those beyond the maps are made from the coarsest output by 3×3
            convolutions of stride 2.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: tuple[int, ...],
        out_features: int,
        *,
        num_outs: int,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(nnx.Conv, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        smooth = partial(conv, out_features, out_features, (3, 3), padding=1)
        self.lateral = nnx.List([conv(one, out_features, (1, 1)) for one in in_features])
        self.out = nnx.List([smooth() for _ in in_features])
        self.extra = nnx.List([smooth(strides=2) for _ in range(num_outs - len(in_features))])

    def __call__(
        self, *maps: Float[Array, "batch cameras h w in_features"]
    ) -> tuple[Float[Array, "batch cameras h w out_features"], ...]:
        """The outputs, the finest first."""
        merged = [lateral(one) for lateral, one in zip(self.lateral, maps, strict=True)]
        for fine in range(len(merged) - 2, -1, -1):
            merged[fine] += _nearest(merged[fine + 1], merged[fine].shape[-3:-1])
        outputs = [out(one) for out, one in zip(self.out, merged, strict=True)]
        for number, extra in enumerate(self.extra):
            last = outputs[-1]
            outputs.append(extra(jax.nn.relu(last) if number else last))
        return tuple(outputs)


def _nearest(
    x: Float[Array, "*batch h w features"], size: tuple[int, ...]
) -> Float[Array, "*batch h2 w2 features"]:
    """Enlarge by repeating pixels, as PyTorch's ``nearest`` does."""
    rows, columns = (
        np.arange(new) * old // new for new, old in zip(size, x.shape[-3:-1], strict=True)
    )
    return jnp.take(jnp.take(x, rows, axis=-3), columns, axis=-2)
