"""The random latent code between the encoder and the decoder of a variational autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def draw(
    moments: Float[Array, "batch t h w two_latent"], noise: Float[Array, "batch t h w latent"]
) -> Float[Array, "batch t h w latent"]:
    """Draw a code from the encoder's Gaussian.

    diffusers ``models/autoencoders/vae.py``, ``DiagonalGaussianDistribution``.

    Args:
        moments: Means, then logarithms of the variances, which are kept between -30 and 20.
        noise: Standard normal numbers; zeros give the means.
    """
    mean, log_variance = jnp.split(moments, 2, axis=-1)
    return mean + jnp.exp(0.5 * jnp.clip(log_variance, -30.0, 20.0)) * noise
