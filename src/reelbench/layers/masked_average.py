"""The moving average of a model's parameters that is the teacher of self-distillation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class AverageUpdate(nnx.Module):
    """One update of an exponential moving average of parameters.

    The target encoder of V-JEPA 2 after each training step: Assran et al. 2025, arXiv:2506.09985;
    facebookresearch/vjepa2 ``app/vjepa/train.py``. Arithmetic is at least float32 whatever the
    dtype, and an output has the dtype of the input that it replaces.

    Args:
        decay: Share of the average that stays.
        dtype: Accepted as by every layer, and not used.
        param_dtype: Accepted as by every layer, and not used.
        rngs: Accepted as by every layer, and not used.
    """

    def __init__(
        self,
        decay: float,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del dtype, param_dtype, rngs
        self.decay = decay

    def __call__(self, *leaves: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], ...]:
        """Move the average towards the parameters.

        Args:
            leaves: The leaves of the average, then those of the parameters.

        Returns:
            The new leaves of the average.
        """
        size, odd = divmod(len(leaves), 2)
        if odd:
            raise TypeError(f"expected two trees of equally many leaves, got {len(leaves)} leaves")
        return tuple(
            self._moved(average, new)
            for average, new in zip(leaves[:size], leaves[size:], strict=True)
        )

    def _moved(
        self, average: Float[Array, "*shape"], new: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        wide = jnp.promote_types(average.dtype, jnp.float32)
        moved = self.decay * average.astype(wide) + (1 - self.decay) * new.astype(wide)
        return moved.astype(average.dtype)
