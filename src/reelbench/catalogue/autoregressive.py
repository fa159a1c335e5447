"""Autoregressive blocks of world models: each token sees all tokens before it, as in language.

While generating, one token at a time attends to the keys and values kept of all before it.
"""

from reelbench.catalogue.preset import preset

# Published: width, 26 frames of 288×512 as 18×32 image tokens between 32 text and 2 action tokens.
# Assumed: the heads of 128, an MLP four times as wide, biases: 32 such blocks make the paper's
# 6.5 B parameters.
GAIA = "Hu et al. 2023, arXiv:2309.17080, section 2.2"

# fmt: off
PRESETS = (
    preset("CausalBlock", "gaia-1-causal", clip=(26, 288, 512),
           inputs={"x": (26 * (32 + 576 + 2), 4096)},
           options={"in_features": 4096, "num_heads": 32, "mlp_dim": 16384},
           source=GAIA, assumed=True),
    # Two frames of 96×160.
    preset("CausalBlock", "gaia-1-causal-small", clip=(2, 96, 160),
           inputs={"x": (2 * (32 + 60 + 2), 4096)},
           options={"in_features": 4096, "num_heads": 32, "mlp_dim": 16384},
           source=GAIA, assumed=True),
    # The last token of the same clip.
    preset("CausalStep", "gaia-1-step", clip=(26, 288, 512),
           inputs={"x": (1, 4096), "keys": (26 * (32 + 576 + 2) - 1, 32, 128),
                   "values": (26 * (32 + 576 + 2) - 1, 32, 128)},
           options={"in_features": 4096, "num_heads": 32, "mlp_dim": 16384},
           source=GAIA, assumed=True, passes=("forward",)),
)
# fmt: on
