"""Recurrence over frames."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.recurrent_lattice import SpatialRNN

if TYPE_CHECKING:
    from jaxtyping import Array, Float

    State = tuple[Float[Array, "batch h w hidden"], Float[Array, "batch h w hidden"]]

__all__ = ["ConvLSTM", "SpatialRNN"]


class ConvLSTM(nnx.Module):
    """An LSTM over frames whose products with input and state are 2-D convolutions.

    Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation
    Nowcasting", 2015, arXiv:1506.04214, equation 3. Input and forget gates look at the cell before
    the step, the output gate at the cell after it, through one peephole weight a channel: that is
    what the parameter counts of the paper's table 1 imply. The states before the first frame are
    zero.

    Args:
        in_features: Channels of the input.
        hidden_features: Channels of the cell, of the hidden state and of the output.
        input_kernel_size: Kernel lengths over the input, along height and width.
        state_kernel_size: Kernel lengths over the hidden state, along height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        input_kernel_size: tuple[int, int] = (5, 5),
        state_kernel_size: tuple[int, int] = (5, 5),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(nnx.Conv, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        # Gates side by side in the channels: input, forget, candidate, output.
        self.input_conv = conv(in_features, 4 * hidden_features, input_kernel_size)
        self.state_conv = conv(
            hidden_features, 4 * hidden_features, state_kernel_size, use_bias=False
        )
        # Of the input, forget and output gates.
        self.peepholes = nnx.Param(
            nnx.initializers.zeros_init()(rngs.params(), (3, hidden_features), param_dtype)
        )
        self.hidden_features = hidden_features

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w hidden"]:
        """Return the hidden state after each frame of ``x``."""
        from_input = jnp.moveaxis(self.input_conv(x), 1, 0)
        zeros = jnp.zeros((*from_input.shape[1:-1], self.hidden_features), from_input.dtype)
        _, hidden = jax.lax.scan(self._step, (zeros, zeros), from_input)
        return jnp.moveaxis(hidden, 0, 1)

    def _step(
        self, state: State, from_input: Float[Array, "batch h w gates"]
    ) -> tuple[State, Float[Array, "batch h w hidden"]]:
        hidden, cell = state
        to_input, to_forget, to_output = self.peepholes[...].astype(cell.dtype)
        gates = from_input + self.state_conv(hidden)
        input_gate, forget_gate, candidate, output_gate = jnp.split(gates, 4, axis=-1)
        input_gate = jax.nn.sigmoid(input_gate + to_input * cell)
        forget_gate = jax.nn.sigmoid(forget_gate + to_forget * cell)
        cell = forget_gate * cell + input_gate * jnp.tanh(candidate)
        hidden = jax.nn.sigmoid(output_gate + to_output * cell) * jnp.tanh(cell)
        return (hidden, cell), hidden
