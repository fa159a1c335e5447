"""VideoMAE's pre-training at a tiny size: hidden pixels have no influence, visible ones do."""

import functools

import numpy as np

from models.tiny import assert_runs_and_trains
from reelbench.models.videomae import MaskedAutoencoder

TINY = functools.partial(
    MaskedAutoencoder, 3, 8, depth=2, num_heads=2, decoder_width=4, decoder_depth=1,
    decoder_heads=1, tokens=12, hidden=9, pixels=96, kernel_size=(2, 4, 4),
)  # fmt: skip


def test_the_decoder_guesses_from_the_visible_tubelets_alone():
    x = np.random.default_rng(0).standard_normal((2, 4, 8, 12, 3), np.float32)
    visible = np.array([[0, 4, 11], [1, 2, 3]], np.int32)
    hidden = np.array([[i for i in range(12) if i not in row] for row in visible], np.int32)
    pixels, by_clip = assert_runs_and_trains(TINY, x, visible, hidden)
    assert pixels.shape == (2, 9, 96)
    tubelets = by_clip[0].reshape(2, 2, 2, 4, 3, 4, 3).transpose(0, 2, 4, 1, 3, 5, 6)
    seen = np.abs(tubelets.reshape(12, -1)).max(axis=-1) > 0
    np.testing.assert_array_equal(np.flatnonzero(seen), visible[0])
    np.testing.assert_array_equal(by_clip[1], 0)
