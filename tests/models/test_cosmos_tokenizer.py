"""The Cosmos tokenizer at a tiny size."""

from flax import nnx

from models.autoencoders import changed_outputs, normal, train
from reelbench.models.cosmos_tokenizer import CosmosTokenizer


def tiny():
    sizes = {"encoder_widths": (4, 6, 8), "decoder_widths": (4, 8, 8), "latent_features": 3}
    return CosmosTokenizer(**sizes, down=(True,), up=(True,), blocks=1, patch=2, rngs=nnx.Rngs(0))


def test_it_trains():
    clip = normal(0, 1, 5, 4, 8, 3)
    assert train(tiny(), clip).shape == clip.shape


def test_no_frame_sees_a_later_one():
    # Latent frames stand for frames 0, 1-4 and 5-8.
    clip, latent = normal(0, 1, 9, 4, 4, 3), normal(0, 1, 3, 1, 1, 3)
    assert changed_outputs(tiny(), "encode", clip, 5) == [False, False, True]
    assert changed_outputs(tiny(), "decode", latent, 2) == 5 * [False] + 4 * [True]
