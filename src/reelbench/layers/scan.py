"""Selective scans over the tokens of a clip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.scan_ends import FirstTokenHead, FrameEmbedding

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = ["FirstTokenHead", "FrameEmbedding", "MambaBlock", "SelectiveScan", "selective_scan"]


def selective_scan(
    x: Float[Array, "batch n inner"],
    step: Float[Array, "batch n inner"],
    decay: Float[Array, "inner state"],
    write: Float[Array, "batch n state"],
    read: Float[Array, "batch n state"],
    carried: Float[Array, "batch inner state"],
) -> tuple[Float[Array, "batch n inner"], Float[Array, "batch inner state"]]:
    """Run the recurrence of a selective state space, token after token.

    Gu and Dao, "Mamba", 2023, arXiv:2312.00752, algorithm 2.

    Args:
        x: What is written.
        step: Step sizes, positive.
        decay: Rates at which the states decay, negative.
        write: How much of a token goes to each state.
        read: How much of each state is read.
        carried: State before the first token.

    Returns:
        What is read after each token, and the state after the last.
    """

    def turn(
        state: Float[Array, "batch inner state"], token: tuple[Array, Array, Array, Array]
    ) -> tuple[Float[Array, "batch inner state"], Float[Array, "batch inner"]]:
        x, step, write, read = token
        kept = jnp.exp(step[..., None] * decay) * state
        state = kept + (step * x)[..., None] * write[:, None]
        return state, jnp.einsum("bis,bs->bi", state, read)

    tokens = jax.tree.map(lambda each: jnp.moveaxis(each, 1, 0), (x, step, write, read))
    carried, found = jax.lax.scan(turn, carried, tokens)
    return jnp.moveaxis(found, 0, 1), carried


class SelectiveScan(nnx.Module):
    """A causal convolution over some tokens, then a selective scan over all, gated.

    OpenGVLab/VideoMamba ``mamba_ssm/modules/mamba_simple.py``, ``Mamba``, one direction of it;
    ``ops/selective_scan_interface.py``. The scan computes in float32 at least.

    Args:
        features: Channels of the tokens.
        state: States of a channel.
        kernel_size: Tokens under the convolution.
        step_rank: Channels that the step sizes come from.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        state: int,
        kernel_size: int,
        step_rank: int,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def linear(inputs: int, outputs: int) -> nnx.Linear:
            return nnx.Linear(
                inputs, outputs, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        self.splits = (step_rank, step_rank + state)
        self.conv = nnx.Conv(
            features,
            features,
            (kernel_size,),
            padding="CAUSAL",
            feature_group_count=features,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.x_proj = linear(features, step_rank + 2 * state)
        self.step_proj = linear(step_rank, features)
        # Steps between 0.001 and 0.1 at first, states that decay at rates 1, 2, 3, …
        low, high = math.log(0.001), math.log(0.1)
        steps = jnp.exp(jax.random.uniform(rngs.params(), (features,), minval=low, maxval=high))
        self.step_bias = nnx.Param(jnp.log(jnp.expm1(steps)).astype(param_dtype))
        rates = jnp.log(jnp.arange(1, state + 1, dtype=param_dtype))
        self.log_decay = nnx.Param(jnp.broadcast_to(rates, (features, state)))
        self.skip = nnx.Param(jnp.ones((features,), param_dtype))

    def __call__(
        self, x: Float[Array, "batch n features"], gate: Float[Array, "batch n features"]
    ) -> Float[Array, "batch n features"]:
        """Mix the tokens ``x`` with those before them."""
        dtype = jnp.promote_types(x.dtype, jnp.float32)
        x = jax.nn.silu(self.conv(x))
        step, write, read = jnp.split(self.x_proj(x), self.splits, axis=-1)
        step = self.step_proj(step).astype(dtype) + self.step_bias[...].astype(dtype)
        decay = -jnp.exp(self.log_decay[...].astype(dtype))
        wide = x.astype(dtype)
        found, _ = selective_scan(
            wide,
            jax.nn.softplus(step),
            decay,
            write.astype(dtype),
            read.astype(dtype),
            jnp.zeros((x.shape[0], *decay.shape), dtype),
        )
        found += self.skip[...].astype(dtype) * wide
        return (found * jax.nn.silu(gate.astype(dtype))).astype(x.dtype)


class MambaBlock(nnx.Module):
    """A pre-norm block of VideoMamba: selective scans forwards and backwards over all tokens.

    Li et al., "VideoMamba", 2024, arXiv:2403.06977, figure 2; OpenGVLab/VideoMamba
    ``mamba_ssm/modules/mamba_simple.py``, ``Mamba`` with ``bimamba``, in ``Block``.

    Args:
        in_features: Channels of a token.
        state: States of a channel.
        kernel_size: Tokens under the causal convolutions.
        expand: Channels inside over those of a token.
        step_rank: Channels that the step sizes come from; by default a sixteenth of a token's.
        bidirectional: Whether tokens see the future too, by a scan with weights of its own.
        epsilon: Epsilon of the RMS-norm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        *,
        state: int = 16,
        kernel_size: int = 4,
        expand: int = 2,
        step_rank: int | None = None,
        bidirectional: bool = True,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        inner = expand * in_features

        def linear(inputs: int, outputs: int) -> nnx.Linear:
            return nnx.Linear(
                inputs, outputs, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        def scan() -> SelectiveScan:
            return SelectiveScan(
                inner,
                state=state,
                kernel_size=kernel_size,
                step_rank=step_rank or -(-in_features // 16),
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )

        self.bidirectional = bidirectional
        self.norm = nnx.RMSNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.in_proj = linear(in_features, 2 * inner)
        self.forwards = scan()
        if bidirectional:
            self.backwards = scan()
        self.out_proj = linear(inner, in_features)

    def __call__(
        self, x: Float[Array, "batch n in_features"]
    ) -> Float[Array, "batch n in_features"]:
        """Mix the tokens ``x``."""
        inner, gate = jnp.split(self.in_proj(self.norm(x)), 2, axis=-1)
        found = self.forwards(inner, gate)
        if self.bidirectional:
            found += self.backwards(inner[:, ::-1], gate[:, ::-1])[:, ::-1]
        return x + self.out_proj(found)
