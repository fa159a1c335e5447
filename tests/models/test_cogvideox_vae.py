"""The CogVideoX autoencoder at a tiny size."""

from flax import nnx

from models.autoencoders import changed_outputs, normal, train, without_group_norms
from reelbench.models.cogvideox_vae import CogVideoXAutoencoder


def tiny():
    return CogVideoXAutoencoder((4, 8), 3, blocks=1, time=(True,), groups=2, rngs=nnx.Rngs(0))


def test_it_trains():
    clip, noise = normal(0, 1, 5, 4, 8, 3), normal(1, 1, 3, 2, 4, 3)
    decoded, moments = train(tiny(), clip, noise)
    assert decoded.shape == clip.shape
    assert moments.shape == (1, 3, 2, 4, 6)


def test_only_the_norms_see_later_frames():
    # Latent frames stand for frames 0, 1-2 and 3-4.
    clip, latent = normal(0, 1, 5, 4, 4, 3), normal(0, 1, 3, 2, 2, 3)
    assert changed_outputs(tiny(), "encode", clip, 3) == [True, True, True]
    bare = without_group_norms(tiny())
    assert changed_outputs(bare, "encode", clip, 3) == [False, False, True]
    assert changed_outputs(bare, "decode", latent, 2) == [False, False, False, True, True]
