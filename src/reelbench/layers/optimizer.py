"""Optimizer updates as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class SGDUpdate(nnx.Module):
    """One update of stochastic gradient descent with momentum and weight decay.

    Decay is added to the gradient of every parameter and so enters the momentum, as in
    ``torch.optim.SGD``, which torchvision ``references/video_classification/train.py`` uses.
    Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    Arithmetic is at least float32 whatever the dtype, and an output has the dtype of the input that
    it replaces.

    Args:
        learning_rate: Step size.
        momentum: Share of the last step's direction that is kept.
        weight_decay: Share of a parameter that is added to its gradient.
        dtype: Accepted as by every layer, and not used.
        param_dtype: Accepted as by every layer, and not used.
        rngs: Accepted as by every layer, and not used.
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del dtype, param_dtype, rngs
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay

    def __call__(self, *leaves: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], ...]:
        """Update parameters and momentum.

        Args:
            leaves: The leaves of the parameters, then of the momentum and of the gradients: three
                times as many as the model has.

        Returns:
            The new leaves of the parameters and of the momentum.
        """
        parameters, trace, gradients = _trees(leaves, 3)
        optimizer = optax.chain(
            optax.add_decayed_weights(self.weight_decay),
            optax.sgd(self.learning_rate, momentum=self.momentum),
        )
        state = optax.tree_utils.tree_set(optimizer.init(parameters), trace=trace)
        updates, state = optimizer.update(gradients, state, parameters)
        new = [
            *optax.apply_updates(parameters, updates),
            *optax.tree_utils.tree_get(state, "trace"),
        ]
        return _as_before(new, leaves)


class AdamWUpdate(nnx.Module):
    """One AdamW update after the gradients are clipped to a global norm.

    Vectors (biases and the scales of norms) are not decayed, as in the sources below. Arithmetic is
    at least float32 whatever the dtype, and an output has the dtype of the input that it replaces.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017, arXiv:1711.05101;
    facebookresearch/SlowFast ``slowfast/models/optimizer.py``, MCG-NJU/VideoMAE
    ``optim_factory.py``.

    Args:
        learning_rate: Step size.
        b1: Decay rate of the first moments.
        b2: Decay rate of the second moments.
        epsilon: Added to the root of the second moment.
        weight_decay: Share of a parameter that a step of size one takes away.
        max_norm: Norm of all gradients together above which they are scaled down to it.
        count: Updates already done, which decides the bias corrections.
        dtype: Accepted as by every layer, and not used.
        param_dtype: Accepted as by every layer, and not used.
        rngs: Accepted as by every layer, and not used.
    """

    def __init__(
        self,
        learning_rate: float,
        b1: float,
        b2: float,
        epsilon: float,
        weight_decay: float,
        max_norm: float,
        count: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del dtype, param_dtype, rngs
        self.learning_rate = learning_rate
        self.b1 = b1
        self.b2 = b2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.count = count

    def __call__(self, *leaves: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], ...]:
        """Update parameters and moments.

        Args:
            leaves: The leaves of the parameters, then of the first moments, of the second moments
                and of the gradients: four times as many as the model has.

        Returns:
            The new leaves of the parameters, first moments and second moments.
        """
        parameters, mu, nu, gradients = _trees(leaves, 4)
        optimizer = optax.chain(
            optax.clip_by_global_norm(self.max_norm),
            optax.adamw(
                self.learning_rate,
                b1=self.b1,
                b2=self.b2,
                eps=self.epsilon,
                weight_decay=self.weight_decay,
                mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree),
            ),
        )
        state = optax.tree_utils.tree_set(
            optimizer.init(parameters), count=jnp.int32(self.count), mu=mu, nu=nu
        )
        updates, state = optimizer.update(gradients, state, parameters)
        new = [
            *optax.apply_updates(parameters, updates),
            *optax.tree_utils.tree_get(state, "mu"),
            *optax.tree_utils.tree_get(state, "nu"),
        ]
        return _as_before(new, leaves)


def _trees(leaves: Sequence[Array], trees: int) -> list[list[Array]]:
    """The leaves tree by tree, in float32 at least."""
    size, odd = divmod(len(leaves), trees)
    if odd:
        raise TypeError(f"expected {trees} trees of equally many leaves, got {len(leaves)} leaves")
    wide = [leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32)) for leaf in leaves]
    return [wide[i * size : (i + 1) * size] for i in range(trees)]


def _as_before(new: Sequence[Array], leaves: Sequence[Array]) -> tuple[Array, ...]:
    """The new leaves in the dtypes of those that they replace, which come first."""
    return tuple(leaf.astype(old.dtype) for leaf, old in zip(new, leaves, strict=False))
