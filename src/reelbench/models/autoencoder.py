"""What video autoencoders with a random latent code share, whatever they are assembled from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flax import nnx

from reelbench.models.posterior import draw

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class VariationalAutoencoder(nnx.Module):
    """An encoder to a Gaussian, a code drawn from it, and a decoder."""

    def __call__(
        self, clip: Float[Array, "batch t h w 3"], noise: Float[Array, "batch t2 h2 w2 latent"]
    ) -> tuple[Float[Array, "batch t h w 3"], Float[Array, "batch t2 h2 w2 two_latent"]]:
        """Encode a clip, draw a latent code, and decode it.

        Args:
            clip: Pixels of as many frames as `encode` takes.
            noise: Standard normal numbers; zeros give the mean code.

        Returns:
            The decoded clip, and the moments of the latent code.
        """
        moments = self.encode(clip)
        return self.decode(draw(moments, noise)), moments

    def encode(
        self, clip: Float[Array, "batch t h w 3"]
    ) -> Float[Array, "batch t2 h2 w2 two_latent"]:
        """Means and logarithms of the variances of the latent code."""
        raise NotImplementedError

    def decode(
        self, latent: Float[Array, "batch t2 h2 w2 latent"]
    ) -> Float[Array, "batch t h w 3"]:
        """Pixels of a latent code."""
        raise NotImplementedError
