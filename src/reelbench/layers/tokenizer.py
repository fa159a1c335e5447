"""Tokenizers: a codebook between an encoder and a decoder, and their blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.tokenizer_cosmos import (
    CosmosAttention,
    CosmosConv3D,
    CosmosHead,
    CosmosResidualBlock,
)
from reelbench.layers.tokenizer_cosmos_resample import CosmosDownsample, CosmosUpsample
from reelbench.layers.tokenizer_magvit import (
    MagvitConv3D,
    MagvitHead,
    MagvitResidualBlock,
    MagvitUpsample,
)

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

__all__ = [
    "CosmosAttention",
    "CosmosConv3D",
    "CosmosDownsample",
    "CosmosHead",
    "CosmosResidualBlock",
    "CosmosUpsample",
    "MagvitConv3D",
    "MagvitHead",
    "MagvitResidualBlock",
    "MagvitUpsample",
    "VectorQuantizer",
]


class VectorQuantizer(nnx.Module):
    """Replaces every vector by the nearest of a codebook.

    Yu et al., "MAGVIT: Masked Generative Video Transformer", 2023, arXiv:2212.05199;
    google-research/magvit ``videogvt/models/vqvae.py``, ``VectorQuantizer``, and
    ``videogvt/train_lib/losses.py``, ``entropy_loss``. The gradient passes the quantised vectors
    straight through; the codebook learns from the loss. Codes are looked up by their index, not by
    a product with one-hot vectors as there. Distances and the loss are float32 at least.

    Args:
        features: Channels of a vector.
        codes: Vectors in the codebook.
        commitment: Weight of the vectors' distance to their codes.
        entropy: Weight of the entropy loss, which wants each vector to be sure of its code and all
            codes to be used.
        temperature: Divides the distances in the entropy loss.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored codebook.
        rngs: Source of the initial codebook.
    """

    def __init__(
        self,
        features: int,
        codes: int,
        *,
        commitment: float = 0.25,
        entropy: float = 0.1,
        temperature: float = 0.01,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        initial = nnx.initializers.variance_scaling(1.0, "fan_in", "uniform")
        self.codebook = nnx.Param(initial(rngs.params(), (codes, features), param_dtype))
        self.commitment, self.entropy, self.temperature = commitment, entropy, temperature
        self.dtype = dtype

    def distances(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w codes"]:
        """Squared distance of every vector to every code."""
        x, codebook = self._wide(x)
        squares = jnp.sum(x * x, axis=-1, keepdims=True)
        return squares - 2 * x @ codebook.T + jnp.sum(codebook * codebook, axis=-1)

    def indices(self, x: Float[Array, "batch t h w features"]) -> Int[Array, "batch t h w"]:
        """The tokens: index of the nearest code."""
        return jnp.argmin(self.distances(x), axis=-1)

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> tuple[Float[Array, "batch t h w features"], Float[Array, ""]]:
        """Quantise ``x``.

        Returns:
            The nearest codes, and the loss.
        """
        distances = self.distances(x)
        wide, codebook = self._wide(x)
        nearest = codebook[jnp.argmin(distances, axis=-1)]
        frozen = jax.lax.stop_gradient
        loss = self.commitment * jnp.mean((frozen(nearest) - wide) ** 2)
        loss += jnp.mean((nearest - frozen(wide)) ** 2)
        loss += self.entropy * _entropy_loss(-distances / self.temperature)
        quantised = wide + frozen(nearest - wide)
        return quantised.astype(x.dtype if self.dtype is None else self.dtype), loss

    def _wide(self, x: Array) -> tuple[Array, Array]:
        codebook = self.codebook[...]
        wide = jnp.promote_types(jnp.promote_types(x.dtype, codebook.dtype), jnp.float32)
        return x.astype(wide), codebook.astype(wide)


def _entropy_loss(logits: Float[Array, "batch t h w codes"]) -> Float[Array, ""]:
    """Mean entropy of each position's choice of code, less the entropy of all choices together."""
    logits = logits.reshape(-1, logits.shape[-1])
    chances, log_chances = jax.nn.softmax(logits), jax.nn.log_softmax(logits)
    together = jnp.mean(chances, axis=0)
    each = -jnp.mean(jnp.sum(chances * log_chances, axis=-1))
    # As published: the logarithm is kept from codes that are never chosen.
    return each + jnp.sum(together * jnp.log(together + 1e-5))
