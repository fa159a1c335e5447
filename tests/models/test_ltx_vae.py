"""The LTX-Video autoencoder at a tiny size."""

import numpy as np
from flax import nnx

from models.autoencoders import changed_outputs, normal, train
from reelbench.models.ltx_vae import LTXAutoencoder


def tiny(**options):
    sizes = {"widths": (4, 8), "latent_features": 5, "blocks": (1, 1, 1), "patch": 2}
    return LTXAutoencoder(**sizes, scaling=(True, True), **options, rngs=nnx.Rngs(0))


def test_it_trains():
    clip, noise = normal(0, 1, 5, 8, 16, 3), normal(1, 1, 2, 1, 2, 5)
    decoded, moments = train(tiny(), clip, noise)
    assert decoded.shape == clip.shape
    assert moments.shape == (1, 2, 1, 2, 10)
    # All channels share one variance.
    assert np.ptp(moments[..., 5:], axis=-1).max() == 0


def test_the_encoder_sees_no_later_frame_and_the_decoder_does():
    # Latent frames stand for frames 0, 1-4 and 5-8.
    clip, latent = normal(0, 1, 9, 8, 8, 3), normal(0, 1, 3, 1, 1, 5)
    assert changed_outputs(tiny(), "encode", clip, 5) == [False, False, True]
    assert changed_outputs(tiny(), "decode", latent, 2) == 9 * [True]
    causal = tiny(decoder_causal=True)
    assert changed_outputs(causal, "decode", latent, 2) == 5 * [False] + 4 * [True]
