"""Space-time patches moved into the channels and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx

from reelbench.layers.shuffle import Factors, depth_to_space, space_to_depth
from reelbench.layers.vae_ltx import LTXUpsample

if TYPE_CHECKING:
    from flax.typing import Dtype
    from jaxtyping import Array, Float

__all__ = ["AverageDown3D", "DuplicateUp3D", "HaarPatch", "HaarUnpatch", "LTXUpsample", "Patchify"]


class _Parameterless(nnx.Module):
    """A layer without parameters: of the usual arguments, only the dtype means anything."""

    def __init__(
        self,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype | None = None,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.dtype = dtype

    def _cast(self, x: Array) -> Array:
        return x if self.dtype is None else x.astype(self.dtype)


class AverageDown3D(_Parameterless):
    """Space to depth, then means of neighbouring channels: the shortcut around a down-sampling.

    Wan2.2 ``wan/modules/vae2_2.py``, ``AvgDown3D``. A clip whose frames the factor does not divide
    has zero frames put before it.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        factors: Factors along time, height and width.
        kinds: ``dtype`` of the computation; ``param_dtype`` and ``rngs`` are not used.
    """

    def __init__(self, in_features: int, out_features: int, factors: Factors, **kinds: Any) -> None:
        super().__init__(**kinds)
        self.factors = factors
        self.out_features = out_features

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Shrink ``x``."""
        before = -x.shape[1] % self.factors[0]
        x = jnp.pad(self._cast(x), [(0, 0), (before, 0), (0, 0), (0, 0), (0, 0)])
        deep = space_to_depth(x, self.factors)
        return deep.reshape(*deep.shape[:-1], self.out_features, -1).mean(axis=-1)


class DuplicateUp3D(_Parameterless):
    """Repeated channels, then depth to space: the shortcut around an up-sampling.

    Wan2.2 ``wan/modules/vae2_2.py``, ``DupUp3D``. Of the first frame's new frames only the last is
    kept.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        factors: Factors along time, height and width.
        kinds: ``dtype`` of the computation; ``param_dtype`` and ``rngs`` are not used.
    """

    def __init__(self, in_features: int, out_features: int, factors: Factors, **kinds: Any) -> None:
        super().__init__(**kinds)
        self.factors = factors
        self.repeats = out_features * factors[0] * factors[1] * factors[2] // in_features

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Enlarge ``x``."""
        deep = jnp.repeat(self._cast(x), self.repeats, axis=-1)
        return depth_to_space(deep, self.factors)[:, self.factors[0] - 1 :]


class Patchify(_Parameterless):
    """Moves square patches of each frame into the channels: channel, then column, then row.

    LTX-Video and Wan2.2 autoencoders: diffusers ``autoencoder_kl_ltx.py``, ``LTXEncoder3d``, and
    ``autoencoder_kl_wan.py``, ``patchify``.

    Args:
        patch: Height and width of a patch.
        kinds: ``dtype`` of the computation; ``param_dtype`` and ``rngs`` are not used.
    """

    def __init__(self, patch: int, **kinds: Any) -> None:
        super().__init__(**kinds)
        self.factors = (1, patch, patch)

    def __call__(self, x: Float[Array, "batch t h w c"]) -> Float[Array, "batch t h2 w2 c2"]:
        """Shrink ``x``."""
        return space_to_depth(self._cast(x), self.factors, "ctwh")

    def inverse(self, x: Float[Array, "batch t h2 w2 c2"]) -> Float[Array, "batch t h w c"]:
        """Enlarge ``x`` again."""
        return depth_to_space(self._cast(x), self.factors, "ctwh")


class HaarPatch(_Parameterless):
    """A Haar wavelet transform along time, height and width, repeated on all bands.

    NVIDIA, "Cosmos World Foundation Model Platform for Physical AI", 2025, arXiv:2501.03575;
    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/patching.py``, ``Patcher3D``. The first frame
    of the clip is repeated so that it fills a patch of its own. Each turn replaces neighbours by
    half their sum and half their difference, eight bands for each channel; bands are slower than
    channels, time slowest.

    Args:
        patch: Length of a patch along each axis, a power of two.
        kinds: ``dtype`` of the computation; ``param_dtype`` and ``rngs`` are not used.
    """

    def __init__(self, patch: int = 4, **kinds: Any) -> None:
        super().__init__(**kinds)
        self.patch = patch

    def __call__(self, x: Float[Array, "batch t h w c"]) -> Float[Array, "batch t2 h2 w2 c2"]:
        """Transform a clip of one frame and a multiple of ``patch`` more."""
        x = self._cast(x)
        x = jnp.concatenate([jnp.repeat(x[:, :1], self.patch, axis=1), x[:, 1:]], axis=1)
        for _ in range(self.patch.bit_length() - 1):
            x = _haar(x)
        return x


class HaarUnpatch(_Parameterless):
    """The inverse of `HaarPatch`.

    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/patching.py``, ``UnPatcher3D``.

    Args:
        patch: Length of a patch along each axis, a power of two.
        kinds: ``dtype`` of the computation; ``param_dtype`` and ``rngs`` are not used.
    """

    def __init__(self, patch: int = 4, **kinds: Any) -> None:
        super().__init__(**kinds)
        self.patch = patch

    def __call__(self, x: Float[Array, "batch t h w c"]) -> Float[Array, "batch t2 h2 w2 c2"]:
        """Transform the bands back to a clip."""
        x = self._cast(x)
        for _ in range(self.patch.bit_length() - 1):
            x = _unhaar(x)
        return x[:, self.patch - 1 :]


def _haar(x: Float[Array, "batch t h w c"]) -> Float[Array, "batch t2 h2 w2 c2"]:
    """Replace neighbours along each axis by half their sum and half their difference."""
    bands = [x]
    for axis in (1, 2, 3):
        pairs = [_halves(band, axis) for band in bands]
        bands = [half for even, odd in pairs for half in (even + odd, even - odd)]
    return jnp.concatenate(bands, axis=-1) / 2**3


def _unhaar(x: Float[Array, "batch t h w c"]) -> Float[Array, "batch t2 h2 w2 c2"]:
    """Undo `_haar`: of half a sum and half a difference, the sum and the difference."""
    bands = jnp.split(x, 8, axis=-1)
    for axis in (3, 2, 1):
        sums, differences = bands[::2], bands[1::2]
        bands = [_interleave(s + d, s - d, axis) for s, d in zip(sums, differences, strict=True)]
    return bands[0]


def _halves(x: Array, axis: int) -> tuple[Array, Array]:
    split = x.reshape(*x.shape[:axis], -1, 2, *x.shape[axis + 1 :])
    even, odd = jnp.unstack(split, axis=axis + 1)
    return even, odd


def _interleave(even: Array, odd: Array, axis: int) -> Array:
    pair = jnp.stack([even, odd], axis=axis + 1)
    return pair.reshape(*even.shape[:axis], -1, *even.shape[axis + 1 :])
