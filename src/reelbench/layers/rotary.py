"""Rotary position embedding over a T×H×W grid: angles of the tokens, and the rotations by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Grid = tuple[int, int, int]


def grid_angles(
    positions: Sequence[Float[Array, " length"]], frequencies: Sequence[Float[Array, " pairs"]]
) -> Float[Array, "tokens pairs"]:
    """Rotation angle of every token of a grid and every pair of a head's features.

    Args:
        positions: For each axis, where its lines of tokens lie.
        frequencies: For each axis, how fast its pairs of features turn; the pairs of the first axis
            come first.
    """
    grid = tuple(len(along) for along in positions)
    angles = []
    for axis, (along, fast) in enumerate(zip(positions, frequencies, strict=True)):
        shape = [1] * len(grid) + [len(fast)]
        shape[axis] = grid[axis]
        turned = (along[:, None] * fast).reshape(shape)
        angles.append(jnp.broadcast_to(turned, (*grid, len(fast))))
    joined = jnp.concatenate(angles, axis=-1)
    return joined.reshape(-1, joined.shape[-1])


def geometric(pairs: int, theta: float, dtype: Dtype) -> Float[Array, " pairs"]:
    """Frequencies from 1 down to nearly 1/θ, each a constant factor below the one before."""
    frequencies: Float[Array, " pairs"] = theta ** (-jnp.arange(pairs, dtype=dtype) / pairs)
    return frequencies


def axis_angles(
    grid: Grid, pairs: tuple[int, int, int], theta: float, dtype: Dtype
) -> Float[Array, "tokens pairs"]:
    """Angles of tokens at whole-number positions; `pairs` turn with time, height and width."""
    return grid_angles(
        [jnp.arange(length, dtype=dtype) for length in grid],
        [geometric(each, theta, dtype) for each in pairs],
    )


def rotate(
    x: Float[Array, "batch tokens heads head_dim"], angles: Float[Array, "tokens *heads pairs"]
) -> Float[Array, "batch tokens heads head_dim"]:
    """Turn each pair of neighbouring features by its angle.

    Args:
        x: Queries or keys.
        angles: One for each token and pair, the same in all heads unless they have an axis of
            heads.
    """
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    even, odd = pairs[..., 0], pairs[..., 1]
    cos, sin = _by_head(jnp.cos(angles)), _by_head(jnp.sin(angles))
    turned = jnp.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return turned.reshape(x.shape).astype(x.dtype)


def rotate_halves(
    x: Float[Array, "batch tokens heads head_dim"], angles: Float[Array, "tokens *heads pairs"]
) -> Float[Array, "batch tokens heads head_dim"]:
    """Turn each feature of the first half with its partner in the second half; see `rotate`."""
    first, second = jnp.split(x, 2, axis=-1)
    cos, sin = _by_head(jnp.cos(angles)), _by_head(jnp.sin(angles))
    turned = [first * cos - second * sin, first * sin + second * cos]
    return jnp.concatenate(turned, axis=-1).astype(x.dtype)


def wide(dtype: Dtype) -> Dtype:
    """Return the dtype, but float32 at least: angles and modulations are not rounded further."""
    return jnp.promote_types(dtype, jnp.float32)


def _by_head(table: Float[Array, "tokens *heads pairs"]) -> Float[Array, "tokens heads pairs"]:
    return table if table.ndim == 3 else table[:, None]
