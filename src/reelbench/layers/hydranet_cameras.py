"""From the images of many cameras to one raster of the ground."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.deformable import bilinear_sample
from reelbench.layers.multihead import MLP, attend

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class Rectify(nnx.Module):
    """Resamples the images of each camera as a common virtual camera would have taken them.

    Interpolates between the four pixels around each position; outside the image all is zero.
    Positions and shares are at least float32.

    Tesla AI Day, 2021, "rectify"; interpolation is assumed.

    Args:
        dtype: Dtype of the output.
        param_dtype: Accepted as by every layer, and not used.
        rngs: Accepted as by every layer, and not used.
    """

    def __init__(
        self,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.dtype = dtype

    def __call__(
        self,
        images: Float[Array, "batch frames cameras h w channels"],
        map: Float[Array, "batch cameras h2 w2 2"],  # noqa: A002
    ) -> Float[Array, "batch frames cameras h2 w2 channels"]:
        """Resample the images.

        Args:
            images: What the cameras took.
            map: Where each new pixel comes from: (x, y) as shares of the image's width and height.
        """
        height, width = images.shape[-3:-1]
        over_cameras = jax.vmap(bilinear_sample)
        over_frames = jax.vmap(over_cameras, in_axes=(0, None, None))
        # The centre of the first pixel is half a pixel from the edge.
        x, y = map[..., 0] * width - 0.5, map[..., 1] * height - 0.5
        return jax.vmap(over_frames)(images, x, y).astype(self.dtype or images.dtype)


class CameraTokens(nnx.Module):
    """Feature maps of several resolutions as one sequence of tokens that know where they are.

    One linear map, sines and cosines of the position in the image, and a learned vector for each
    camera and level. Tesla AI Day, 2021, multi-camera fusion; all of it assumed.

    Args:
        in_features: Channels of the feature maps.
        features: Channels of the tokens, a multiple of 4.
        cameras: Cameras.
        levels: Resolutions.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        cameras: int,
        levels: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.linear = nnx.Linear(
            in_features, features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        normal = nnx.initializers.normal(0.02)
        self.place = nnx.Param(normal(rngs.params(), (levels, cameras, features), param_dtype))

    def __call__(
        self, *levels: Float[Array, "batch frames cameras _h _w in_features"]
    ) -> Float[Array, "batch frames tokens features"]:
        """Tokens of all levels, each level's cameras one after another."""
        found = []
        for level, x in enumerate(levels):
            y = self.linear(x)
            rows, columns = x.shape[-3:-1]
            where = raster_positions(rows, columns, y.shape[-1], y.dtype)
            who = self.place[level].astype(y.dtype)[:, None, None]
            found.append((y + where + who).reshape(*y.shape[:2], -1, y.shape[-1]))
        return jnp.concatenate(found, axis=2)


class RasterQueries(nnx.Module):
    """A query for each cell of a raster of the ground, given a summary of the scene.

    An MLP of the cell's position, in sines and cosines, and a summary of all images. Tesla AI Day,
    2021, multi-camera fusion; the MLP is assumed.

    Args:
        in_features: Channels of the summary.
        features: Channels of a query, a multiple of 4.
        raster: Rows and columns.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        raster: tuple[int, int],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.raster, self.features = raster, features
        self.mlp = MLP(
            in_features + features,
            features,
            out_features=features,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, summary: Float[Array, "batch frames in_features"]
    ) -> Float[Array, "batch frames cells features"]:
        """The queries, row by row."""
        where = raster_positions(self.raster[0], self.raster[1], self.features, summary.dtype)
        where = where.reshape(-1, self.features)
        both = jnp.concatenate(
            (
                jnp.broadcast_to(where, (*summary.shape[:2], *where.shape)),
                jnp.broadcast_to(
                    summary[:, :, None], (*summary.shape[:2], len(where), summary.shape[-1])
                ),
            ),
            axis=-1,
        )
        return self.mlp(both)


class MultiCameraAttention(nnx.Module):
    """Cells of the raster attend to the tokens of all cameras; then an MLP.

    LayerNorms stand before. Tesla AI Day, 2021, multi-camera fusion; the block is that of Vaswani
    et al., "Attention Is All You Need", 2017, arXiv:1706.03762, and assumed.

    Args:
        features: Channels of queries and tokens.
        num_heads: Attention heads.
        mlp_dim: Hidden channels of the MLP.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        num_heads: int,
        mlp_dim: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        norm = partial(nnx.LayerNorm, features, epsilon=1e-5, **made)
        self.num_heads = num_heads
        self.query_norm, self.token_norm, self.mlp_norm = norm(), norm(), norm()
        self.query = nnx.Linear(features, features, **made)
        self.key_value = nnx.Linear(features, 2 * features, **made)
        self.proj = nnx.Linear(features, features, **made)
        self.mlp = MLP(features, mlp_dim, **made)

    def __call__(
        self,
        query: Float[Array, "batch frames cells features"],
        tokens: Float[Array, "batch frames tokens features"],
    ) -> Float[Array, "batch frames cells features"]:
        """Update the cells of each frame from its tokens."""
        asked = self._heads(self.query(self.query_norm(query)))
        key, value = jnp.split(self.key_value(self.token_norm(tokens)), 2, axis=-1)
        found = attend(asked, self._heads(key), self._heads(value))
        query = query + self.proj(found.reshape(query.shape))
        return query + self.mlp(self.mlp_norm(query))

    def _heads(
        self, x: Float[Array, "batch frames n features"]
    ) -> Float[Array, "batch_frames n heads head_dim"]:
        return x.reshape(-1, x.shape[-2], self.num_heads, x.shape[-1] // self.num_heads)


def raster_positions(
    rows: int, columns: int, features: int, dtype: Dtype
) -> Float[Array, "rows columns features"]:
    """Sines and cosines of the share of the height and of the width that each pixel lies at.

    A quarter of the channels is each of sin y, cos y, sin x, cos x. Frequencies grow by one factor
    from half a wave over the image to half a wave over two pixels of its longer side.
    """
    wide = jnp.promote_types(dtype, jnp.float32)
    count = features // 4
    exponent = jnp.arange(count, dtype=wide) / max(count - 1, 1)
    frequency = jnp.pi * (max(rows, columns) / 2) ** exponent
    y = (jnp.arange(rows, dtype=wide) + 0.5)[:, None, None] / rows * frequency
    x = (jnp.arange(columns, dtype=wide) + 0.5)[None, :, None] / columns * frequency
    waves = [jnp.sin(y), jnp.cos(y), jnp.sin(x), jnp.cos(x)]
    shape = (rows, columns, count)
    return jnp.concatenate([jnp.broadcast_to(w, shape) for w in waves], axis=-1).astype(dtype)
