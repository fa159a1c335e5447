"""Blocks of HunyuanVideo, in which text and video tokens attend to each other in one sequence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import chunks, modulate, plain_norm
from reelbench.layers.multihead import MLP, attend
from reelbench.layers.projections import Projections, key_mask
from reelbench.layers.rotary import Grid, axis_angles, rotate, wide

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class HunyuanDualBlock(nnx.Module):
    """A dual-stream block: text and video have their own weights and meet in attention.

    Kong et al., "HunyuanVideo: A Systematic Framework For Large Video Generative Models", 2024,
    arXiv:2412.03603; Tencent/HunyuanVideo ``hyvideo/modules/models.py``,
    ``MMDoubleStreamBlock``; diffusers ``transformer_hunyuan_video.py``,
    ``HunyuanVideoTransformerBlock``.

    Args:
        in_features: Width of the tokens, of the conditioning and of the output.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward networks.
        grid: Frames, height and width of the token grid; its raster order is that of the tokens.
        rotary_features: Features of a head that turn with time, height and width.
        theta: Base of the rotary wavelengths.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        *,
        rotary_features: tuple[int, int, int] = (16, 56, 56),
        theta: float = 256.0,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid, self.rotary_features, self.theta = grid, rotary_features, theta
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        modulation = partial(nnx.Linear, in_features, 6 * in_features, **common)
        projections = partial(Projections, in_features, num_heads, **common)
        mlp = partial(MLP, in_features, mlp_dim, gelu="tanh", **common)
        self.norm = plain_norm(in_features, dtype=dtype, rngs=rngs)
        self.video_modulation, self.text_modulation = modulation(), modulation()
        self.video, self.text = projections(), projections()
        self.video_mlp, self.text_mlp = mlp(), mlp()

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        text: Float[Array, "batch text_tokens features"],
        conditioning: Float[Array, "batch features"],
        text_mask: Bool[Array, "batch text_tokens"] | None = None,
    ) -> tuple[Float[Array, "batch tokens features"], Float[Array, "batch text_tokens features"]]:
        """Transform both streams.

        Args:
            x: Video tokens.
            text: Text tokens.
            conditioning: Embedding of the diffusion step and of the whole text.
            text_mask: Which text tokens are not padding.
        """
        tokens = x.shape[1]
        angles = hunyuan_angles(self.grid, self.rotary_features, self.theta, wide(x.dtype))
        activated = jax.nn.silu(conditioning)
        video, words = (
            chunks(linear(activated), 6) for linear in (self.video_modulation, self.text_modulation)
        )
        q, k, v = self.video.split(modulate(self.norm(x), video[0], video[1]))
        text_q, text_k, text_v = self.text.split(modulate(self.norm(text), words[0], words[1]))
        found = attend(
            jnp.concatenate([rotate(q, angles), text_q], axis=1),
            jnp.concatenate([rotate(k, angles), text_k], axis=1),
            jnp.concatenate([v, text_v], axis=1),
            mask=None if text_mask is None else key_mask(text_mask, tokens),
        )
        x = x + self.video.merge(found[:, :tokens]) * video[2]
        text = text + self.text.merge(found[:, tokens:]) * words[2]
        x = x + self.video_mlp(modulate(self.norm(x), video[3], video[4])) * video[5]
        text = text + self.text_mlp(modulate(self.norm(text), words[3], words[4])) * words[5]
        return x, text


class HunyuanSingleBlock(nnx.Module):
    """A single-stream block: all tokens share weights; attention and feed-forward are parallel.

    Kong et al. 2024, arXiv:2412.03603; Tencent/HunyuanVideo ``hyvideo/modules/models.py``,
    ``MMSingleStreamBlock``; diffusers ``transformer_hunyuan_video.py``,
    ``HunyuanVideoSingleTransformerBlock``.

    Args:
        in_features: Width of the tokens, of the conditioning and of the output.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward network.
        grid: Frames, height and width of the grid of video tokens; its raster order is theirs.
        rotary_features: Features of a head that turn with time, height and width.
        theta: Base of the rotary wavelengths.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        *,
        rotary_features: tuple[int, int, int] = (16, 56, 56),
        theta: float = 256.0,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid, self.rotary_features, self.theta = grid, rotary_features, theta
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.norm = plain_norm(in_features, dtype=dtype, rngs=rngs)
        self.modulation = linear(in_features, 3 * in_features)
        self.attention = Projections(
            in_features, num_heads, out="none", dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.expand = linear(in_features, mlp_dim)
        self.out = linear(in_features + mlp_dim, in_features)

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        conditioning: Float[Array, "batch features"],
        text_mask: Bool[Array, "batch text_tokens"] | None = None,
    ) -> Float[Array, "batch tokens features"]:
        """Transform the tokens.

        Args:
            x: Video tokens, then text tokens.
            conditioning: Embedding of the diffusion step and of the whole text.
            text_mask: Which text tokens are not padding.
        """
        angles = hunyuan_angles(self.grid, self.rotary_features, self.theta, wide(x.dtype))
        tokens = len(angles)

        def turn(
            y: Float[Array, "batch tokens heads head_dim"],
        ) -> Float[Array, "batch tokens heads head_dim"]:
            return jnp.concatenate([rotate(y[:, :tokens], angles), y[:, tokens:]], axis=1)

        shift, scale, gate = chunks(self.modulation(jax.nn.silu(conditioning)), 3)
        h = modulate(self.norm(x), shift, scale)
        q, k, v = self.attention.split(h)
        mask = None if text_mask is None else key_mask(text_mask, tokens)
        found = self.attention.merge(attend(turn(q), turn(k), v, mask=mask))
        expanded = jax.nn.gelu(self.expand(h), approximate=True)
        return x + self.out(jnp.concatenate([found, expanded], axis=-1)) * gate


def hunyuan_angles(
    grid: Grid, rotary_features: tuple[int, int, int], theta: float, dtype: Dtype
) -> Float[Array, "tokens pairs"]:
    """Angles of HunyuanVideo's tokens: pairs for time first, then for height, then for width."""
    time, height, width = (each // 2 for each in rotary_features)
    return axis_angles(grid, (time, height, width), theta, dtype)
