"""Masked video modelling: an encoder on the few visible tokens, a decoder or predictor on more.

VideoMAE hides nine tubes of ten: of 196 places a frame int(0.9 · 196) = 176 are hidden, so 8 · 20 =
160 of 1,568 tokens are visible. V-JEPA 2 hides the union of blocks that last the whole clip; both
sides are cut to the shortest in the batch, so their sizes vary. The sizes here are the medians when
the published sampling (``src/masks/multiseq_multiblock3d.py``: 8 blocks of 0.15 of a frame, or 2 of
0.7, sides in ratio 0.75 to 1.5) is repeated with the published batch of 24.
"""

from reelbench.catalogue.preset import Input, Preset, Values, preset

VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_pretrain.py"
VJEPA2 = "Assran et al. 2025, arXiv:2506.09985; vjepa2 src/models/predictor.py"
AVERAGE = (
    "Assran et al. 2025, arXiv:2506.09985; vjepa2 configs/train/vitl16/pretrain-256px-16f.yaml"
)

# Tokens of context and target of an 8×16×16 clip under each kind of mask.
SMALL_BLOCKS = (504, 976)
LARGE_BLOCKS = (128, 1440)


def index(count: int, tokens: int) -> Input:
    """Indices of ``count`` out of ``tokens`` tokens."""
    return Input((count,), values="index", below=tokens)


def _encoder_shapes(width: int, depth: int, mlp_dim: int) -> dict[str, tuple[int, ...]]:
    """Parameters of a V-JEPA 2 encoder: 2×16×16 tubelets, no table of positions."""
    block = {
        "norm1/scale": (width,),
        "norm1/bias": (width,),
        "attn/qkv/kernel": (width, 3 * width),
        "attn/qkv/bias": (3 * width,),
        "attn/proj/kernel": (width, width),
        "attn/proj/bias": (width,),
        "norm2/scale": (width,),
        "norm2/bias": (width,),
        "mlp/fc1/kernel": (width, mlp_dim),
        "mlp/fc1/bias": (mlp_dim,),
        "mlp/fc2/kernel": (mlp_dim, width),
        "mlp/fc2/bias": (width,),
    }
    return {
        "embed/kernel": (2, 16, 16, 3, width),
        "embed/bias": (width,),
        **{f"block{i}/{name}": shape for i in range(depth) for name, shape in block.items()},
        "norm/scale": (width,),
        "norm/bias": (width,),
    }


def _average(name: str, depth: int, *, assumed: bool = False) -> Preset:
    shapes = _encoder_shapes(width=1024, depth=depth, mlp_dim=4096)
    trees: dict[str, Values] = {"average": "state", "p": "parameter"}
    return preset(
        "AverageUpdate",
        name,
        clip=(16, 256, 256),
        inputs={
            f"{tree}/{leaf}": Input(shape, values=values, batched=False)
            for tree, values in trees.items()
            for leaf, shape in shapes.items()
        },
        options={"decay": 0.99925},
        source=AVERAGE,
        assumed=assumed,
        passes=("forward",),
        carry=len(shapes),
    )


_PREDICTOR = {
    "in_features": 1024, "features": 384, "depth": 12, "num_heads": 12, "mlp_dim": 1536,
    "grid": (8, 16, 16), "num_mask_tokens": 6,
}  # fmt: skip


def _predictor(name: str, sizes: tuple[int, int], **changed: int) -> Preset:
    context, targets = sizes
    return preset(
        "Predictor",
        name,
        clip=(16, 256, 256),
        inputs={
            "x": Input((context, 1024)),
            "context": index(context, 2048),
            "targets": index(targets, 2048),
        },
        options=_PREDICTOR | changed,
        source=VJEPA2,
        assumed=True,
    )


# fmt: off
PRESETS = (
    preset("VisibleEmbedding", "videomae-b-visible", clip=(16, 224, 224),
           inputs={"x": (16, 224, 224, 3), "visible": index(160, 1568)},
           options={"in_features": 3, "out_features": 768, "tokens": 1568}, source=VIDEOMAE),
    preset("VisibleBlock", "videomae-b-encoder-160", clip=(16, 224, 224),
           inputs={"x": (1568, 768), "visible": index(160, 1568)},
           options={"in_features": 768, "num_heads": 12, "mlp_dim": 3072}, source=VIDEOMAE),
    preset("MaskTokens", "videomae-b-mask-tokens", clip=(16, 224, 224),
           inputs={"x": (160, 768), "visible": index(160, 1568), "hidden": index(1408, 1568)},
           options={"in_features": 768, "out_features": 384, "tokens": 1568}, source=VIDEOMAE),
    preset("JointAttentionBlock", "videomae-b-decoder", clip=(16, 224, 224),
           inputs={"x": (1568, 384)},
           options={"in_features": 384, "num_heads": 6, "mlp_dim": 1536}, source=VIDEOMAE),
    preset("PixelHead", "videomae-b-pixels", clip=(16, 224, 224),
           inputs={"x": (1568, 384)},
           options={"in_features": 384, "out_features": 1536, "hidden": 1408}, source=VIDEOMAE),
    _predictor("vjepa2-predictor-8-blocks", SMALL_BLOCKS),
    _predictor("vjepa2-predictor-2-blocks", LARGE_BLOCKS),
    _average("vjepa2-l-average", depth=24),
    _average("vjepa2-l-average-small", depth=6, assumed=True),
)
# fmt: on
