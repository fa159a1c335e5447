"""A memory of what the cameras saw, by time and by way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.hydranet_cameras import raster_positions

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float

    Queue = Float[Array, "batch entries rows columns width"]
    Since = Float[Array, "batch 2"]


class FeatureQueue(nnx.Module):
    """Pushes a frame of features into two rolling buffers, each when its rule says so.

    An entry is the raster of features, its positions in sines and cosines, and the motion of the
    vehicle, the same in every cell. The queue in time takes one when ``period_s`` has passed since
    the last that it took, and remembers what was hidden for a while; the queue in space takes one
    when the vehicle has gone ``distance_m``, and remembers what it passed, however long it waits.
    A push moves all entries by one and drops the oldest.

    Tesla AI Day, 2021, "feature queue": 27 ms and 1 m; the rest is assumed.

    Args:
        position_features: Channels of the positions, a multiple of 4.
        period_s: Time between pushes into the queue in time.
        distance_m: Way between pushes into the queue in space.
        dtype: Accepted as by every layer, and not used: entries have the dtype of the queues.
        param_dtype: Accepted as by every layer, and not used.
        rngs: Accepted as by every layer, and not used.
    """

    def __init__(
        self,
        position_features: int,
        *,
        period_s: float = 0.027,
        distance_m: float = 1.0,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del dtype, param_dtype, rngs
        self.position_features = position_features
        self.due = (period_s, distance_m)

    def __call__(
        self,
        time_queue: Queue,
        space_queue: Queue,
        since: Since,
        features: Float[Array, "batch rows columns features"],
        motion: Float[Array, "batch motion"],
        moved: Float[Array, "batch 2"],
    ) -> tuple[Queue, Queue, Since]:
        """Push a frame where it is due.

        Args:
            time_queue: Entries, oldest first.
            space_queue: Entries, oldest first.
            since: Seconds since the last push in time and metres since the last in space, at the
                frame before; infinite at the start of a drive, so that its first frame is pushed.
            features: The raster of the new frame.
            motion: Velocities, accelerations and the like of the vehicle.
            moved: Seconds and metres since the frame before.

        Returns:
            The queues after the frame, and ``since`` at the frame.
        """
        since = since + moved
        due = since >= jnp.asarray(self.due, since.dtype)
        entry = self.entry(features, motion).astype(time_queue.dtype)
        return (
            _push(time_queue, entry, due[:, 0]),
            _push(space_queue, entry, due[:, 1]),
            jnp.where(due, 0, since),
        )

    def entry(
        self,
        features: Float[Array, "batch rows columns features"],
        motion: Float[Array, "batch motion"],
    ) -> Float[Array, "batch rows columns width"]:
        """What is pushed of a frame."""
        batch, rows, columns, _ = features.shape
        where = raster_positions(rows, columns, self.position_features, features.dtype)
        motion = motion.astype(features.dtype)[:, None, None]
        return jnp.concatenate(
            (
                features,
                jnp.broadcast_to(where, (batch, *where.shape)),
                jnp.broadcast_to(motion, (batch, rows, columns, motion.shape[-1])),
            ),
            axis=-1,
        )


def _push(
    queue: Queue, entry: Float[Array, "batch rows columns width"], due: Bool[Array, " batch"]
) -> Queue:
    moved = jnp.concatenate((queue[:, 1:], entry[:, None]), axis=1)
    return jnp.where(due[:, None, None, None, None], moved, queue)
