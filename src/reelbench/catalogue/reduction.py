"""Token reduction: a few learned tokens take the place of a frame's many.

Attention over what is left costs the square of the reduction less.
"""

from reelbench.catalogue.preset import preset

TOKEN_LEARNER = "Ryoo et al. 2021, arXiv:2106.11297; scenic projects/token_learner/model.py"
VIT_B = {"in_features": 768, "num_tokens": 8}

# Assumed: the clip, which is ViViT-B's: 16 tubelets of two frames, 14×14 tokens each.
# fmt: off
PRESETS = (
    preset("TokenLearner", "token-learner", clip=(32, 224, 224),
           inputs={"x": (16, 14, 14, 768)}, options=VIT_B, source=TOKEN_LEARNER, assumed=True),
    preset("TokenLearnerV11", "token-learner-v1.1", clip=(32, 224, 224),
           inputs={"x": (16, 14, 14, 768)}, options={**VIT_B, "bottleneck_dim": 64},
           source=TOKEN_LEARNER, assumed=True),
)
# fmt: on
