"""The Wan autoencoders at tiny sizes."""

import numpy as np
import pytest
from flax import nnx

from models.autoencoders import changed_outputs, normal, train
from reelbench.models.wan_vae import WanAutoencoder

KINDS = {"wan2.1": {}, "wan2.2": {"residual": True, "patch": 2}}


def tiny(kind):
    sizes = {"multipliers": (1, 2, 2), "blocks": 1, "time": (True, True)}
    return WanAutoencoder(4, 4, 3, **sizes, **KINDS[kind], rngs=nnx.Rngs(0))


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains(kind):
    patch = KINDS[kind].get("patch", 1)
    clip, noise = normal(0, 1, 9, 4 * patch, 8 * patch, 3), normal(1, 1, 3, 1, 2, 3)
    decoded, moments = train(tiny(kind), clip, noise)
    assert decoded.shape == clip.shape
    assert moments.shape == (1, 3, 1, 2, 6)


@pytest.mark.parametrize("kind", KINDS)
def test_no_frame_sees_a_later_one(kind):
    patch = KINDS[kind].get("patch", 1)
    # Latent frames stand for frames 0, 1-4 and 5-8.
    clip = normal(0, 1, 9, 4 * patch, 4 * patch, 3)
    assert changed_outputs(tiny(kind), "encode", clip, 5) == [False, False, True]
    assert changed_outputs(tiny(kind), "decode", normal(0, 1, 3, 1, 1, 3), 2) == 5 * [False] + 4 * [
        True
    ]


def test_the_beginning_of_a_clip_has_the_beginning_of_its_code():
    model, clip = tiny("wan2.2"), normal(0, 1, 5, 8, 8, 3)
    np.testing.assert_allclose(model.encode(clip[:, :1]), model.encode(clip)[:, :1], atol=1e-5)
