"""Recurrence on a map: a window of hidden states changes, wherever the vehicle is."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class SpatialRNN(nnx.Module):
    """Gated hidden states on a lattice over the ground, updated in a window around the vehicle.

    Karpathy, Tesla AI Day 2021: the states of a spatial recurrent network are a 2-D lattice, and
    only those near the car, where it sees, are updated as it drives. How is not published; here it
    is a convolutional GRU (Ballas et al., "Delving Deeper into Convolutional Networks for Learning
    Video Representations", 2016, arXiv:1511.06432, section 3.1) over the window's states, to which
    those outside are zero.

    Args:
        in_features: Channels of the input.
        hidden_features: Channels of a hidden state.
        lattice: Places of the lattice along its two axes.
        kernel_size: Kernel lengths over input and hidden states.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        lattice: tuple[int, int],
        kernel_size: tuple[int, int] = (3, 3),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(
            nnx.Conv, kernel_size=kernel_size, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.lattice, self.hidden_features = lattice, hidden_features
        # Side by side in the channels: update, reset, candidate.
        self.input_conv = conv(in_features, 3 * hidden_features)
        self.gate_conv = conv(hidden_features, 2 * hidden_features, use_bias=False)
        self.candidate_conv = conv(hidden_features, hidden_features, use_bias=False)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"], corner: Int[Array, "batch t 2"]
    ) -> Float[Array, "batch t h w hidden"]:
        """Return the hidden states of the window after each frame, on a map unknown at first.

        Args:
            x: What is seen of the window.
            corner: Where on the lattice the window's first place lies; a window beyond the edge is
                moved inside.
        """
        zeros = jnp.zeros((x.shape[0], *self.lattice, self.hidden_features), x.dtype)
        return self.drive(x, corner, zeros)[0]

    def drive(
        self,
        x: Float[Array, "batch t h w in_features"],
        corner: Int[Array, "batch t 2"],
        states: Float[Array, "batch rows columns hidden"],
    ) -> tuple[Float[Array, "batch t h w hidden"], Float[Array, "batch rows columns hidden"]]:
        """As a call, on a map whose states are known; return the map as it is afterwards too."""
        from_input = self.input_conv(x)
        turns = (jnp.moveaxis(from_input, 1, 0), jnp.moveaxis(corner, 1, 0))
        states, hidden = jax.lax.scan(self._step, states.astype(from_input.dtype), turns)
        return jnp.moveaxis(hidden, 0, 1), states

    def _step(
        self,
        states: Float[Array, "batch rows columns hidden"],
        turn: tuple[Float[Array, "batch h w gates"], Int[Array, "batch 2"]],
    ) -> tuple[Float[Array, "batch rows columns hidden"], Float[Array, "batch h w hidden"]]:
        from_input, corner = turn
        size = (*from_input.shape[1:3], self.hidden_features)

        def read(states: Array, corner: Array) -> Array:
            return jax.lax.dynamic_slice(states, (corner[0], corner[1], 0), size)

        def write(states: Array, hidden: Array, corner: Array) -> Array:
            return jax.lax.dynamic_update_slice(states, hidden, (corner[0], corner[1], 0))

        before = jax.vmap(read)(states, corner)
        to_update, to_reset, candidate = jnp.split(from_input, 3, axis=-1)
        over_update, over_reset = jnp.split(self.gate_conv(before), 2, axis=-1)
        update = jax.nn.sigmoid(to_update + over_update)
        reset = jax.nn.sigmoid(to_reset + over_reset)
        candidate = jnp.tanh(candidate + self.candidate_conv(reset * before))
        after = before + update * (candidate - before)
        return jax.vmap(write)(states, after, corner), after
