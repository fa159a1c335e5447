"""What tells a diffusion transformer the diffusion step and the text, and its modulated norms."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.multihead import MLP
from reelbench.layers.rotary import wide

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def sinusoid(steps: Float[Array, " batch"], features: int) -> Float[Array, "batch features"]:
    """Cosines, then sines of the steps at frequencies from 1 down to nearly 1/10,000."""
    dtype = wide(steps.dtype)
    half = features // 2
    frequencies = 10_000.0 ** (-jnp.arange(half, dtype=dtype) / half)
    turned = steps.astype(dtype)[:, None] * frequencies
    return jnp.concatenate([jnp.cos(turned), jnp.sin(turned)], axis=-1)


def modulate(
    x: Float[Array, "batch tokens features"],
    shift: Float[Array, "batch 1 features"],
    scale: Float[Array, "batch 1 features"],
) -> Float[Array, "batch tokens features"]:
    """Scale (about one) and shift the features."""
    return x * (1 + scale) + shift


def chunks(x: Float[Array, "batch features"], number: int) -> list[Float[Array, "batch 1 chunk"]]:
    """Cut the features into equal parts, each with an axis of tokens."""
    return jnp.split(x[:, None], number, axis=-1)


class TimestepEmbedding(nnx.Module):
    """Sinusoid of a number, linear, SiLU, linear.

    diffusers ``models/embeddings.py``, ``Timesteps`` and ``TimestepEmbedding``; the same in the
    original repositories of Wan, HunyuanVideo, CogVideoX and Mochi.

    Args:
        features: Width of the embedding.
        frequency_features: Width of the sinusoid.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        frequency_features: int = 256,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.frequency_features, self.dtype = frequency_features, dtype
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.expand = linear(frequency_features, features)
        self.contract = linear(features, features)

    def __call__(self, timestep: Float[Array, " batch"]) -> Float[Array, "batch features"]:
        """Embed the diffusion step (or a guidance strength)."""
        return self.contract(jax.nn.silu(self.expand(sinusoid(timestep, self.frequency_features))))


class SharedModulation(nnx.Module):
    """The embedding of the diffusion step, and six modulations for all blocks (adaLN-single).

    Chen et al., "PixArt-α", 2023, arXiv:2310.00426; as in Wan (diffusers ``transformer_wan.py``,
    ``WanTimeTextImageEmbedding``), LTX-Video (``AdaLayerNormSingle``) and Step-Video-T2V
    (``stepvideo/modules/normalization.py``).

    Args:
        features: Width of the model.
        step_scale: Factor on the step before it is embedded.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        step_scale: float = 1.0,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.step_scale = step_scale
        self.embedding = TimestepEmbedding(
            features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.modulation = nnx.Linear(
            features, 6 * features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, timestep: Float[Array, " batch"]
    ) -> tuple[Float[Array, "batch features"], Float[Array, "batch 6 features"]]:
        """Return the embedding (for the output head) and the modulations (for the blocks)."""
        embedded = self.embedding(timestep * self.step_scale)
        return embedded, self.modulation(jax.nn.silu(embedded)).reshape(len(embedded), 6, -1)


class TextProjection(nnx.Module):
    """Linear, GELU (tanh), linear, from the width of a text encoder to that of the model.

    diffusers ``models/embeddings.py``, ``PixArtAlphaTextProjection``; as in Wan, LTX-Video and,
    after a LayerNorm without weights, Step-Video-T2V.

    Args:
        in_features: Width of the text encoder.
        features: Width of the model.
        norm: Whether the text is normalised first.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        norm: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = plain_norm(in_features, dtype=dtype, rngs=rngs) if norm else None
        self.mlp = MLP(
            in_features,
            features,
            out_features=features,
            gelu="tanh",
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, text: Float[Array, "batch text_tokens in_features"]
    ) -> Float[Array, "batch text_tokens features"]:
        """Project the encoded text."""
        return self.mlp(text if self.norm is None else self.norm(text))


class ImageProjection(nnx.Module):
    """LayerNorm, linear, GELU, linear, LayerNorm, for the encoded first frame.

    Wan-Video/Wan2.1 ``wan/modules/model.py``, ``MLPProj``.

    Args:
        in_features: Width of the image encoder.
        features: Width of the model.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        norm = partial(nnx.LayerNorm, epsilon=1e-5, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.norm1 = norm(in_features)
        self.mlp = MLP(
            in_features,
            in_features,
            out_features=features,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm2 = norm(features)

    def __call__(
        self, image: Float[Array, "batch image_tokens in_features"]
    ) -> Float[Array, "batch image_tokens features"]:
        """Project the encoded image."""
        return self.norm2(self.mlp(self.norm1(image)))


class LowRank(nnx.Module):
    """SiLU, a linear map to few features, and one back, both without bias.

    Modulations of Cosmos: diffusers ``transformer_cosmos.py``, ``CosmosAdaLayerNormZero``.

    Args:
        in_features: Width of the step's embedding.
        hidden_features: Width between the two maps.
        out_features: Width of the modulation.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        out_features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = partial(
            nnx.Linear, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.down = linear(in_features, hidden_features)
        self.up = linear(hidden_features, out_features)

    def __call__(self, x: Float[Array, "batch in_features"]) -> Float[Array, "batch out_features"]:
        """Map the activated features."""
        return self.up(self.down(jax.nn.silu(x)))


def plain_norm(
    features: int, *, epsilon: float = 1e-6, dtype: Dtype | None, rngs: nnx.Rngs
) -> nnx.LayerNorm:
    """LayerNorm without weights, to be modulated."""
    return nnx.LayerNorm(
        features, epsilon=epsilon, use_scale=False, use_bias=False, dtype=dtype, rngs=rngs
    )
