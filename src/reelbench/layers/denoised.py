"""Output heads of diffusion transformers, and the way back from tokens to a latent clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import LowRank, chunks, modulate, plain_norm
from reelbench.layers.rotary import Grid, wide

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class TableHead(nnx.Module):
    """LayerNorm, shifted and scaled by a learned table plus the step's embedding, then linear.

    Wan-Video/Wan2.1 ``wan/modules/model.py``, ``Head``; the same at the end of LTX-Video
    (diffusers ``transformer_ltx.py``) and Step-Video-T2V (``stepvideo/modules/model.py``).

    Args:
        in_features: Width of the tokens.
        out_features: Channels of a patch of the latent.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.scale_shift_table = nnx.Param(
            jax.random.normal(rngs.params(), (2, in_features), param_dtype) * in_features**-0.5
        )
        widely = None if dtype is None else wide(dtype)
        self.norm = plain_norm(in_features, dtype=widely, rngs=rngs)
        self.proj = nnx.Linear(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self,
        x: Float[Array, "batch tokens in_features"],
        embedded: Float[Array, "batch in_features"],
    ) -> Float[Array, "batch tokens out_features"]:
        """Predict the patches.

        Args:
            x: Tokens after the last block.
            embedded: Embedding of the diffusion step.
        """
        steps = embedded.astype(wide(x.dtype))[:, None] + self.scale_shift_table[...]
        shift, scale = jnp.split(steps, 2, axis=1)
        return self.proj(modulate(self.norm(x), shift, scale).astype(x.dtype))


class ModulatedHead(nnx.Module):
    """LayerNorm, scaled and shifted by a projection of the conditioning, then linear.

    diffusers ``models/normalization.py``, ``AdaLayerNormContinuous``, and the linear map after it;
    as in HunyuanVideo (Tencent/HunyuanVideo ``hyvideo/modules/mlp_layers.py``, ``FinalLayer``) and
    Mochi.

    Args:
        in_features: Width of the tokens and of the conditioning.
        out_features: Channels of a patch of the latent.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.modulation = nnx.Linear(
            in_features, 2 * in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.norm = plain_norm(in_features, dtype=dtype, rngs=rngs)
        self.proj = nnx.Linear(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self,
        x: Float[Array, "batch tokens in_features"],
        conditioning: Float[Array, "batch in_features"],
    ) -> Float[Array, "batch tokens out_features"]:
        """Predict the patches of the tokens ``x`` after the last block."""
        scale, shift = chunks(self.modulation(jax.nn.silu(conditioning)), 2)
        return self.proj(modulate(self.norm(x), shift, scale))


class CosmosHead(nnx.Module):
    """LayerNorm, shifted and scaled as in the blocks, then a linear map without bias.

    diffusers ``transformer_cosmos.py``, ``CosmosAdaLayerNorm`` and ``proj_out``.

    Args:
        in_features: Width of the tokens.
        out_features: Channels of a patch of the latent.
        modulation_features: Width inside the pair of linear maps.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        modulation_features: int = 256,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.modulation = LowRank(in_features, modulation_features, 2 * in_features, **common)
        self.norm = plain_norm(in_features, dtype=dtype, rngs=rngs)
        self.proj = nnx.Linear(in_features, out_features, use_bias=False, **common)

    def __call__(
        self,
        x: Float[Array, "batch tokens in_features"],
        embedded: Float[Array, "batch in_features"],
        modulation: Float[Array, "batch three_features"],
    ) -> Float[Array, "batch tokens out_features"]:
        """Predict the patches; ``embedded`` and ``modulation`` as in the blocks."""
        own = self.modulation(embedded)
        shift, scale = chunks(own + modulation[:, : own.shape[-1]], 2)
        return self.proj(modulate(self.norm(x), shift, scale))


def unpatchify(
    patches: Float[Array, "batch tokens patch_channels"],
    grid: Grid,
    patch: Grid,
    order: Literal["patch first", "channels first"] = "patch first",
) -> Float[Array, "batch t h w channels"]:
    """Lay the patches of a T×H×W grid out as a clip.

    Args:
        patches: One patch a token, in the raster order of the grid.
        grid: Frames, height and width of the grid.
        patch: Frames, height and width of a patch.
        order: Which varies slowest among the features of a token: the place in the patch or the
            channel.
    """
    axes = (len(patches), *grid)
    if order == "patch first":
        x = patches.reshape(*axes, *patch, -1)
        x = x.transpose(0, 1, 4, 2, 5, 3, 6, 7)
    else:
        x = patches.reshape(*axes, -1, *patch)
        x = x.transpose(0, 1, 5, 2, 6, 3, 7, 4)
    lengths = (length * each for length, each in zip(grid, patch, strict=True))
    return x.reshape(len(patches), *lengths, -1)
