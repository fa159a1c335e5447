"""Diffusion transformer blocks of Wan, whose tokens attend to the text by cross-attention."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import modulate, plain_norm
from reelbench.layers.multihead import attend
from reelbench.layers.rotary import Grid, axis_angles, rotate, wide

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class WanBlock(nnx.Module):
    """A block of Wan's video diffusion transformer.

    Self-attention over all space-time tokens, cross-attention to the text, and a feed-forward
    network; the first and the last are shifted, scaled and gated by the diffusion step.

    Wan Team, "Wan: Open and Advanced Large-Scale Video Generative Models", 2025, arXiv:2503.20314;
    Wan-Video/Wan2.1 ``wan/modules/model.py``, ``WanAttentionBlock``. The residual stream stays
    in the dtype of ``x``, as in diffusers ``transformer_wan.py``.

    Args:
        in_features: Width of the tokens, of the text and of the output.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward network.
        grid: Frames, height and width of the token grid; its raster order is that of the tokens.
        theta: Base of the rotary wavelengths.
        image: Whether there are image tokens (image to video): cross-attention has keys and values
            of its own for them.
        epsilon: Added to the variance in every norm.
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
        theta: float = 10_000.0,
        image: bool = False,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.head_dim = in_features // num_heads
        self.grid = grid
        self.theta = theta
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        attention = partial(
            WanAttention, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        norm = partial(nnx.LayerNorm, epsilon=epsilon, rngs=rngs)
        # Modulated norms come out at least in float32, to be shifted and scaled before rounding.
        widely = None if dtype is None else wide(dtype)

        self.scale_shift_table = nnx.Param(
            jax.random.normal(rngs.params(), (6, in_features), param_dtype) * in_features**-0.5
        )
        self.norm1 = plain_norm(in_features, epsilon=epsilon, dtype=widely, rngs=rngs)
        self.self_attention = attention(in_features, num_heads)
        self.norm3 = norm(in_features, dtype=dtype, param_dtype=param_dtype)
        self.cross_attention = attention(in_features, num_heads, image=image)
        self.norm2 = plain_norm(in_features, epsilon=epsilon, dtype=widely, rngs=rngs)
        self.expand = linear(in_features, mlp_dim)
        self.contract = linear(mlp_dim, in_features)

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        text: Float[Array, "batch text_tokens features"],
        modulation: Float[Array, "batch 6 features"],
        image: Float[Array, "batch image_tokens features"] | None = None,
    ) -> Float[Array, "batch tokens features"]:
        """Transform the tokens.

        Args:
            x: Video tokens.
            text: Text tokens, already projected to the width of the model.
            modulation: Projected embedding of the diffusion step, to which a learned table is
                added: shift, scale and gate of self-attention, then of the feed-forward network.
            image: Tokens of the first frame's encoding, already projected, for image to video.
        """
        kind = x.dtype
        steps = modulation.astype(wide(kind)) + self.scale_shift_table[...]
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(steps, 6, axis=1)
        angles = wan_angles(self.grid, self.head_dim, self.theta, wide(kind))

        h = modulate(self.norm1(x), shift1, scale1).astype(kind)
        x = (x + self.self_attention(h, h, angles) * gate1).astype(kind)
        x = x + self.cross_attention(self.norm3(x), text, image=image)
        h = modulate(self.norm2(x), shift2, scale2).astype(kind)
        h = self.contract(nnx.gelu(self.expand(h), approximate=True))
        return (x + h * gate2).astype(kind)


class WanAttention(nnx.Module):
    """Multi-head attention with RMS-norm of queries and keys over all heads together.

    Wan-Video/Wan2.1 ``wan/modules/model.py``, ``WanSelfAttention``, ``WanT2VCrossAttention``
    and ``WanI2VCrossAttention``.

    Args:
        in_features: Width of queries, keys, values and output.
        num_heads: Attention heads.
        image: Whether there are keys and values of image tokens, attended to by themselves.
        epsilon: Added to the mean square in the norms.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        *,
        image: bool = False,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads = num_heads
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        norm = partial(
            nnx.RMSNorm, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.query = linear(in_features, in_features)
        self.key = linear(in_features, in_features)
        self.value = linear(in_features, in_features)
        self.out = linear(in_features, in_features)
        self.query_norm = norm(in_features)
        self.key_norm = norm(in_features)
        if image:
            self.image_key = linear(in_features, in_features)
            self.image_value = linear(in_features, in_features)
            self.image_key_norm = norm(in_features)

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        source: Float[Array, "batch source_tokens features"],
        angles: Float[Array, "tokens *heads pairs"] | None = None,
        *,
        image: Float[Array, "batch image_tokens features"] | None = None,
        mask: Bool[Array, "#batch #heads #tokens source_tokens"] | None = None,
    ) -> Float[Array, "batch tokens features"]:
        """Attend from ``x`` to ``source``.

        Args:
            x: Tokens of the queries.
            source: Tokens of the keys and values.
            angles: By which queries and keys are rotated.
            image: Image tokens; what is found among them is added.
            mask: Whether a query sees a token of ``source``.
        """

        def by_head(y: Float[Array, "batch n features"]) -> Float[Array, "batch n heads head_dim"]:
            return y.reshape(*y.shape[:2], self.num_heads, -1)

        q, k = by_head(self.query_norm(self.query(x))), by_head(self.key_norm(self.key(source)))
        if angles is not None:
            q, k = rotate(q, angles), rotate(k, angles)
        found = attend(q, k, by_head(self.value(source)), mask=mask)
        if image is not None:
            k = by_head(self.image_key_norm(self.image_key(image)))
            found += attend(q, k, by_head(self.image_value(image)))
        return self.out(found.reshape(x.shape))


def wan_angles(
    grid: Grid, head_dim: int, theta: float, dtype: Dtype
) -> Float[Array, "tokens pairs"]:
    """Angles of Wan's tokens.

    A third of a head's pairs (rounded down) turns with the height and as many with the width; the
    rest, which come first, turn with time.
    """
    third = head_dim // 6
    return axis_angles(grid, (head_dim // 2 - 2 * third, third, third), theta, dtype)
