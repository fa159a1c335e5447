"""TPVFormer: a tiny one runs and learns, and voxels see what their planes see."""

import functools

import jax
import numpy as np
from flax import nnx

from reelbench.models.tpvformer import TPVFormer

GRID, CELLS, ANCHORS = (2, 3, 2), (6, 4, 6), (1, 2, 2)


@functools.cache
def tiny() -> TPVFormer:
    return TPVFormer(
        depths=(1, 1, 1, 1), style="caffe", deformable=(False, False, False, True), first=2,
        levels=((2, 4), (1, 2), (1, 1)), grid=GRID, features=8, num_heads=2, hybrid_points=2,
        num_points=(2, 2, 2), num_anchors=ANCHORS, mlp_dim=8, layers=1, num_classes=5, cameras=2,
        width=4, rngs=nnx.Rngs(0),
    )  # fmt: skip


def inputs() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, 2, 32, 64, 3), np.float32)
    points = [rng.random((2, 2, 3, anchors, 2), np.float32) for anchors in ANCHORS]
    index = [rng.integers(0, cells, (2, 2, 3)) for cells in CELLS]
    for each, cells in zip(index, CELLS, strict=True):
        each[0, 1] = cells  # the second camera of the first clip sees nothing
    return [images, *points, *index]


GRAPH, STATE = nnx.split(tiny())


@jax.jit
def run(state, given):
    return nnx.merge(GRAPH, state)(*given)


def test_it_gives_every_voxel_a_logit_for_each_class():
    voxels = run(STATE, inputs())
    assert voxels.shape == (2, 3, 2, 2, 5)
    assert np.isfinite(voxels).all()


def test_it_learns():
    @jax.jit
    @jax.grad
    def gradient(parameters, others, given):
        return (nnx.merge(GRAPH, parameters, others)(*given) ** 2).sum()

    parameters, others = nnx.state(tiny(), nnx.Param), nnx.state(tiny(), nnx.Not(nnx.Param))
    found = gradient(parameters, others, inputs())
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(found))
    assert np.abs(nnx.to_pure_dict(found)["backbone"]["stages"][1][0]["conv1"]["kernel"]).max() > 0


def test_clips_do_not_see_each_other_and_a_camera_that_sees_no_cell_does_not_matter():
    given = inputs()
    voxels = run(STATE, given)
    changed = [x.copy() for x in given]
    changed[0][1] += 1
    changed[0][0, 1] += 5
    other = run(STATE, changed)
    np.testing.assert_allclose(other[0], voxels[0], atol=1e-5)
    assert np.abs(other[1] - voxels[1]).max() > 1e-4
