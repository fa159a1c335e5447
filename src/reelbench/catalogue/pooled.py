"""Pooled attention: strided convolutions shorten queries, keys and values before they meet."""

from reelbench.catalogue.preset import preset

MVIT = "Li et al. 2022, arXiv:2112.01526; torchvision models/video/mvit.py, mvit_v2_s"
MVIT1 = "Fan et al. 2021, arXiv:2104.11227; torchvision models/video/mvit.py, mvit_v1_b"
# What MViTv1 has not, or has elsewhere.
V1 = {"relative_positions": False, "residual_pooling": False, "expand_in_attention": False}
NONE = (1, 1, 1)

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
    # The first blocks of stages 2 to 4: half the height and width, twice the channels and heads.
    preset("PooledAttentionBlock", "mvitv2-s-stage2", clip=(16, 224, 224),
           inputs={"x": (1 + 8 * 56 * 56, 96)},
           options={"in_features": 96, "out_features": 192, "num_heads": 2,
                    "input_size": (8, 56, 56), "stride_q": (1, 2, 2), "stride_kv": (1, 4, 4)},
           source=MVIT),
    preset("PooledAttentionBlock", "mvitv2-s-stage3", clip=(16, 224, 224),
           inputs={"x": (1 + 8 * 28 * 28, 192)},
           options={"in_features": 192, "out_features": 384, "num_heads": 4,
                    "input_size": (8, 28, 28), "stride_q": (1, 2, 2), "stride_kv": (1, 2, 2)},
           source=MVIT),
    preset("PooledAttentionBlock", "mvitv2-s-stage4", clip=(16, 224, 224),
           inputs={"x": (1 + 8 * 14 * 14, 384)},
           options={"in_features": 384, "out_features": 768, "num_heads": 8,
                    "input_size": (8, 14, 14), "stride_q": (1, 2, 2)},
           source=MVIT),
    # MViTv1 widens in the MLP of the block before: here the last of the third stage.
    preset("PooledAttentionBlock", "mvitv1-b-pooled", clip=(16, 224, 224),
           inputs={"x": (1 + 8 * 14 * 14, 384)},
           options={"in_features": 384, "num_heads": 4, "input_size": (8, 14, 14),
                    "kernel_q": NONE, "stride_kv": (1, 2, 2), **V1},
           source=MVIT1),
    preset("PooledAttentionBlock", "mvitv1-b-widening", clip=(16, 224, 224),
           inputs={"x": (1 + 8 * 14 * 14, 384)},
           options={"in_features": 384, "out_features": 768, "num_heads": 4,
                    "input_size": (8, 14, 14), "kernel_q": NONE, "stride_kv": (1, 2, 2), **V1},
           source=MVIT1),
    preset("MultiscaleEmbedding", "mvitv1-b-stem", clip=(16, 224, 224),
           inputs={"x": (16, 224, 224, 3)},
           options={"in_features": 3, "out_features": 96, "positions": (8, 56, 56)},
           source=MVIT1),
)
# fmt: on
