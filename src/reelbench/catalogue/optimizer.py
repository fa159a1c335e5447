"""Optimizer updates: what a training step does after its gradients are known.

Inputs are the leaves of four trees of one shape: parameters ``p/…``, first moments ``mu/…``, second
moments ``nu/…`` and gradients ``g/…``. The outputs replace the first three.
"""

from reelbench.catalogue.preset import Input, Preset, Values, preset

VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_pretrain.py"
MVIT = "facebookresearch/SlowFast configs/Kinetics/MVITv2_S_16x4.yaml, slowfast/config/defaults.py"


def _vit_shapes(width: int, depth: int) -> dict[str, tuple[int, ...]]:
    """Parameters of a VideoMAE encoder: 2×16×16 tubelets, queries and values biased, keys not."""
    block = {
        "norm1/scale": (width,),
        "norm1/bias": (width,),
        "attention/qkv": (width, 3 * width),
        "attention/q_bias": (width,),
        "attention/v_bias": (width,),
        "attention/out/kernel": (width, width),
        "attention/out/bias": (width,),
        "norm2/scale": (width,),
        "norm2/bias": (width,),
        "mlp/expand/kernel": (width, 4 * width),
        "mlp/expand/bias": (4 * width,),
        "mlp/contract/kernel": (4 * width, width),
        "mlp/contract/bias": (width,),
    }
    return {
        "embed/kernel": (2, 16, 16, 3, width),
        "embed/bias": (width,),
        **{f"block{i}/{name}": shape for i in range(depth) for name, shape in block.items()},
        "norm/scale": (width,),
        "norm/bias": (width,),
    }


def _adamw(name: str, shapes: dict[str, tuple[int, ...]], source: str) -> Preset:
    trees: dict[str, Values] = {"p": "parameter", "mu": "state", "nu": "unit", "g": "state"}
    return preset(
        "AdamWUpdate",
        name,
        clip=(16, 224, 224),
        inputs={
            f"{tree}/{leaf}": Input(shape, values=values, batched=False)
            for tree, values in trees.items()
            for leaf, shape in shapes.items()
        },
        # The learning rate and the count of past updates do not change the work.
        options={
            "learning_rate": 1e-4,
            "b1": 0.9,
            "b2": 0.999,
            "epsilon": 1e-8,
            "weight_decay": 0.05,
            "max_norm": 1.0,
            "count": 1000,
        },
        source=source,
        core=True,
        passes=("forward",),
        carry=3 * len(shapes),
    )


# fmt: off
PRESETS = (
    _adamw("vit-b-adamw", _vit_shapes(width=768, depth=12), f"{VIDEOMAE}; update: {MVIT}"),
)
# fmt: on
