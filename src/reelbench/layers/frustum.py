"""Where the points that Lift-Splat-Shoot lifts from its images fall on the map of the ground."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

Range = tuple[float, float, float]


def cells_of_points(
    rotation: Float[Array, "*cameras 3 3"],
    translation: Float[Array, "*cameras 3"],
    intrinsics: Float[Array, "*cameras 3 3"],
    image_rotation: Float[Array, "*cameras 3 3"],
    image_translation: Float[Array, "*cameras 3"],
    *,
    image: tuple[int, int] = (128, 352),
    stride: int = 16,
    depth: Range = (4.0, 45.0, 1.0),
    x: Range = (-50.0, 50.0, 0.5),
    y: Range = (-50.0, 50.0, 0.5),
    z: Range = (-10.0, 10.0, 20.0),
) -> Int[Array, "*cameras depths h w"]:
    """The cell of each pixel of the feature maps at each depth.

    Philion and Fidler, "Lift, Splat, Shoot", 2020, arXiv:2008.05711; nv-tlabs/lift-splat-shoot
    ``src/models.py``, ``create_frustum`` and ``get_geometry``.

    Args:
        rotation: From camera to vehicle.
        translation: From camera to vehicle, in metres.
        intrinsics: From camera to pixels of the whole image.
        image_rotation: From pixels of the whole image to those of the cut and resized one.
        image_translation: The same.
        image: Height and width of the cut image.
        stride: Pixels of the image for one of the feature maps, along each axis.
        depth: First depth, end and step, in metres.
        x: Edges and step of the map ahead, in metres.
        y: Edges and step of the map to the left, in metres.
        z: Edges and step of the map upwards, in metres; a single step.

    Returns:
        Indices along ``y`` first; of points beside the map the number of its cells.
    """
    height, width = image[0] // stride, image[1] // stride
    depths = jnp.arange(*depth)
    columns = jnp.linspace(0, image[1] - 1, width)
    rows = jnp.linspace(0, image[0] - 1, height)
    far, row, column = jnp.meshgrid(depths, rows, columns, indexing="ij")
    pixels = jnp.stack((column, row, far), axis=-1)

    # Rounded to less than float32, a point would fall into another cell.
    turn = partial(jnp.einsum, "...ij,...dhwj->...dhwi", precision=jax.lax.Precision.HIGHEST)
    pixels = turn(
        jnp.linalg.inv(image_rotation), pixels - image_translation[..., None, None, None, :]
    )
    rays = jnp.concatenate((pixels[..., :2] * pixels[..., 2:], pixels[..., 2:]), axis=-1)
    points = turn(rotation, turn(jnp.linalg.inv(intrinsics), rays))
    points = points + translation[..., None, None, None, :]

    start, end, step = (jnp.asarray(each) for each in zip(x, y, z, strict=True))
    counts = jnp.round((end - start) / step).astype(jnp.int32)
    # Towards zero, as the source: what lies less than a cell before the map is in its first cell.
    cell = jnp.trunc((points - start) / step).astype(jnp.int32)
    inside = jnp.all((cell >= 0) & (cell < counts), axis=-1)
    return jnp.where(inside, cell[..., 0] * counts[1] + cell[..., 1], counts[0] * counts[1])
