"""Collectives over all devices as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.typing import Dtype
from jax.sharding import Mesh, NamedSharding, PartitionSpec

if TYPE_CHECKING:
    from jaxtyping import Array, Float

AXIS = "device"
Kind = Literal["all_reduce", "reduce_scatter", "all_gather"]


def mesh() -> Mesh:
    """All devices in a row."""
    return Mesh(np.asarray(jax.devices()), (AXIS,))


def per_device() -> NamedSharding:
    """The first axis over the devices."""
    return NamedSharding(mesh(), PartitionSpec(AXIS))


class GradientReduction(nnx.Module):
    """One collective on a vector that each device holds.

    ``all_reduce``: every device gets the mean of all vectors, as after the backward pass of data
    parallel training (Li et al., "PyTorch Distributed", 2020, arXiv:2006.15704).
    ``reduce_scatter``: every device gets the mean of its own share of the vector; ``all_gather``:
    every device gets the shares of all, each a vector's length over the number of devices: the two
    halves of a step whose optimizer is sharded (Rajbhandari et al., "ZeRO", 2019,
    arXiv:1910.02054).

    A vector whose length is no multiple of the number of devices is padded by zeros.

    Args:
        kind: Which collective.
        dtype: Dtype that is sent; that of the vector by default.
        param_dtype: Accepted as by every layer, and not used.
        rngs: Accepted as by every layer, and not used.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.kind = kind
        self.dtype = dtype

    def __call__(self, gradients: Float[Array, "devices n"]) -> Float[Array, "devices m"]:
        """Run the collective.

        Args:
            gradients: A row for each device. For ``all_gather`` a device's share is the first
                n / devices of its row.

        Returns:
            A row for each device: all ``n`` for ``all_reduce`` and ``all_gather``, its share for
            ``reduce_scatter``.
        """
        devices, size = gradients.shape
        share = -(-size // devices)
        kind = self.kind

        def run(row: Float[Array, "1 n"]) -> Float[Array, "1 m"]:
            vector = row[0]
            if kind == "all_reduce":
                return jax.lax.pmean(vector, AXIS)[None]
            if kind == "reduce_scatter":
                padded = jnp.pad(vector, (0, share * devices - size))
                return jax.lax.psum_scatter(padded, AXIS, tiled=True)[None] / devices
            return jax.lax.all_gather(vector[:share], AXIS, tiled=True)[None, :size]

        spec = PartitionSpec(AXIS)
        over_devices = jax.shard_map(
            run, mesh=mesh(), in_specs=spec, out_specs=spec, check_vma=False
        )
        return over_devices(gradients.astype(self.dtype or gradients.dtype))
