"""Pooled attention: strided convolutions shorten queries, keys and values before they meet."""

from reelbench.catalogue.preset import preset

MVIT = "Li et al. 2022, arXiv:2112.01526; torchvision models/video/mvit.py, mvit_v2_s"

# fmt: off
PRESETS = (
    # One of blocks 4 to 13, in the third stage; the first token is the class token.
    preset("PooledAttentionBlock", "mvitv2-s-pooled", clip=(16, 224, 224),
           inputs={"x": (1 + 8 * 14 * 14, 384)},
           options={"in_features": 384, "num_heads": 4, "input_size": (8, 14, 14),
                    "stride_kv": (1, 2, 2)},
           source=MVIT, core=True),
    preset("PooledAttentionBlock", "mvitv2-s-block0", clip=(16, 224, 224),
           inputs={"x": (1 + 8 * 56 * 56, 96)},
           options={"in_features": 96, "num_heads": 1, "input_size": (8, 56, 56),
                    "stride_kv": (1, 8, 8)},
           source=MVIT),
)
# fmt: on
