"""BEVFormer: a tiny one runs and learns; what it sees and what it does not; its parameters."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

from reelbench import work
from reelbench.catalogue.models import models
from reelbench.models.bevformer import BEVFormer, refine

CELLS, OBJECTS, WIDTH = 6, 3, 8


@functools.cache
def tiny() -> BEVFormer:
    return BEVFormer(
        depths=(1, 1, 1, 1), style="caffe", deformable=(False, False, False, True), first=3,
        levels=((1, 2),), map_size=(2, 3), features=WIDTH, num_heads=2, mlp_dim=8,
        encoder_layers=1, decoder_layers=2, num_queries=OBJECTS, num_classes=4, cameras=2, width=4,
        rngs=nnx.Rngs(0),
    )  # fmt: skip


def inputs() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    normal = functools.partial(rng.standard_normal, dtype=np.float32)
    return [
        normal((2, 2, 32, 64, 3)), normal((2, CELLS, WIDTH)), np.zeros((2, 2), np.float32),
        normal((2, 18)), rng.random((2, 2, 3, 4, 2), np.float32),
        # The second camera of the second clip sees nothing.
        np.array([[[0, 1, 2], [2, 3, 4]], [[1, 4, 5], [CELLS] * 3]]),
    ]  # fmt: skip


GRAPH, STATE = nnx.split(tiny())


@jax.jit
def run(state, given):
    return nnx.merge(GRAPH, state)(*given)


def test_it_gives_objects_after_each_layer_and_a_map():
    classes, boxes, cells = run(STATE, inputs())
    assert classes.shape == (2, 2, OBJECTS, 4)
    assert boxes.shape == (2, 2, OBJECTS, 10)
    assert cells.shape == (2, CELLS, WIDTH)
    assert all(np.isfinite(x).all() for x in (classes, boxes, cells))
    # The centre is a share of the space that is looked at.
    centre = np.asarray(boxes)[..., [0, 1, 4]]
    assert ((centre > 0) & (centre < 1)).all()


def test_it_learns_all_but_the_stem_and_the_first_stage():
    @jax.jit
    @jax.grad
    def gradient(parameters, others, given):
        classes, boxes, cells = nnx.merge(GRAPH, parameters, others)(*given)
        return (classes**2).sum() + (boxes**2).sum() + (cells**3).sum()

    parameters, others = nnx.state(tiny(), nnx.Param), nnx.state(tiny(), nnx.Not(nnx.Param))
    found = gradient(parameters, others, inputs())
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(found))
    backbone = nnx.to_pure_dict(found)["backbone"]
    still = backbone["stem"], backbone["stages"][0]
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(still))
    assert np.abs(backbone["stages"][1][0]["conv1"]["kernel"]).max() > 0


def test_clips_do_not_see_each_other():
    given = inputs()
    changed = [x.copy() for x in given]
    for x in changed[:4]:
        x[1] += 1
    for one, other in zip(run(STATE, given)[:2], run(STATE, changed)[:2], strict=True):
        np.testing.assert_allclose(other[:, 0], one[:, 0], atol=1e-5)
        assert np.abs(other[:, 1] - one[:, 1]).max() > 1e-4


def test_the_map_depends_on_the_map_before_and_not_on_a_camera_that_sees_no_cell():
    given = inputs()
    cells = run(STATE, given)[2]
    blind = [x.copy() for x in given]
    blind[0][1, 1] += 5
    np.testing.assert_array_equal(run(STATE, blind)[2], cells)
    past = [x.copy() for x in given]
    past[1] += 1
    assert np.abs(run(STATE, past)[2] - cells).max() > 1e-3


def test_a_code_of_nothing_leaves_an_object_where_it_was_looked_for():
    place = np.random.default_rng(0).random((1, OBJECTS, 3), np.float32)
    box, moved = refine(jax.numpy.zeros((1, OBJECTS, 10)), jax.numpy.asarray(place))
    np.testing.assert_allclose(moved, place, rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(box)[..., [0, 1, 4]], moved)


@pytest.mark.parametrize(("name", "published"), [("tiny", 23_508_032), ("base", 42_500_160)])
def test_the_residual_network_has_the_parameters_of_torchvision(name, published):
    """ResNet-50 has 25,557,032 and ResNet-101 44,549,160, with a classifier of 2,049,000."""
    model = next(m for m in models("bevformer") if m.name == f"bevformer-{name}")
    network = [part for part in model.parts if part.name.startswith(("stem", "layer"))]
    count = sum(part.copies * work.of_preset(part.preset).parameters for part in network)
    # What places the taps of a deformable convolution: 27 channels from 3 × 3 of its width.
    taps = 23 * (256 * 9 + 1) * 27 + 3 * (512 * 9 + 1) * 27 if name == "base" else 0
    assert count == published + taps


def test_what_trains_is_the_published_size():
    model = next(m for m in models("bevformer") if m.name == "bevformer-base")
    each = {part.name: (part, work.of_preset(part.preset).parameters) for part in model.parts}
    still = sum(part.copies * n for part, n in each.values() if not part.trained)
    blocks = [part for part, _ in each.values() if part.trained and part.name.startswith("layer")]
    norms = 0
    for part in blocks:
        options = part.preset.options
        shortcut = options["strides"] > 1
        channels = 2 * options["mid_features"] + (1 + shortcut) * options["out_features"]
        norms += part.copies * 2 * channels
    total = sum(part.copies * n for part, n in each.values())
    assert (still + norms, total - still - norms) == (327_744, 68_707_193)
