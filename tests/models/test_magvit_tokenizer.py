"""The MAGVIT tokenizer at a tiny size."""

import numpy as np
import pytest
from flax import nnx

from models.autoencoders import changed_outputs, normal, train
from reelbench.models.magvit_tokenizer import MagvitTokenizer


def tiny():
    sizes = {"multipliers": (1, 2, 2), "blocks": 1, "time": (True, False), "groups": 2}
    return MagvitTokenizer(4, 3, 7, **sizes, rngs=nnx.Rngs(0))


# The encoder is behind the codebook: its gradient passes straight through.
def test_it_trains():
    clip = normal(0, 1, 4, 8, 4, 3)
    decoded, loss = train(tiny(), clip)
    assert decoded.shape == clip.shape
    assert loss.shape == ()


@pytest.mark.parametrize("method", ["encode", "decode"])
def test_every_frame_sees_all_others(method):
    x = {"encode": normal(0, 1, 4, 4, 4, 3), "decode": normal(0, 1, 2, 1, 1, 3)}[method]
    assert all(changed_outputs(tiny(), method, x, x.shape[1] - 1))


def test_tokens_say_which_codes_are_decoded():
    model, clip = tiny(), normal(0, 1, 2, 4, 4, 3)
    tokens = model.tokens(clip)
    assert tokens.shape == (1, 1, 1, 1)
    codes = model.quantizer.codebook[...][tokens]
    np.testing.assert_allclose(model.quantizer(model.encode(clip))[0], codes, rtol=1e-5, atol=1e-6)
