"""Optimizer updates: what a training step does after its gradients are known.

Inputs are the leaves of trees of one shape: parameters ``p/…``, what the optimizer keeps of past
gradients (first moments ``mu/…`` and second moments ``nu/…`` of AdamW, momentum ``m/…`` of SGD) and
gradients ``g/…``. The outputs replace all but the gradients.
"""

from reelbench.catalogue.preset import Input, Preset, Values, preset

VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_pretrain.py"
R3D = "torchvision models/video/resnet.py r3d_18, references/video_classification/train.py"
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


def _resnet3d_shapes(*, temporal: int) -> dict[str, tuple[int, ...]]:
    """Parameters of torchvision's r3d_18: two blocks of two convolutions in each of four stages.

    Those of mc3_18 where the kernels after the first stage have a ``temporal`` length of 1.
    """
    shapes: dict[str, tuple[int, ...]] = {"stem/kernel": (3, 7, 7, 3, 64)}
    norms = {"stem": 64}
    width = 64
    for stage, wide in enumerate((64, 128, 256, 512)):
        length = temporal if stage else 3
        for block, narrow in enumerate((width, wide)):
            name = f"layer{stage + 1}/{block}"
            shapes[f"{name}/conv1/kernel"] = (length, 3, 3, narrow, wide)
            shapes[f"{name}/conv2/kernel"] = (length, 3, 3, wide, wide)
            norms |= {f"{name}/norm1": wide, f"{name}/norm2": wide}
            if narrow != wide:
                shapes[f"{name}/shortcut/kernel"] = (1, 1, 1, narrow, wide)
                norms[f"{name}/shortcut_norm"] = wide
        width = wide
    for norm, features in norms.items():
        shapes |= {f"{norm}/scale": (features,), f"{norm}/bias": (features,)}
    return shapes | {"head/kernel": (512, 400), "head/bias": (400,)}


def _inputs(shapes: dict[str, tuple[int, ...]], trees: dict[str, Values]) -> dict[str, Input]:
    return {
        f"{tree}/{leaf}": Input(shape, values=values, batched=False)
        for tree, values in trees.items()
        for leaf, shape in shapes.items()
    }


def _sgd(name: str, shapes: dict[str, tuple[int, ...]], source: str) -> Preset:
    return preset(
        "SGDUpdate",
        name,
        clip=(16, 112, 112),
        inputs=_inputs(shapes, {"p": "parameter", "m": "state", "g": "state"}),
        # The learning rate does not change the work.
        options={"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 1e-4},
        source=source,
        passes=("forward",),
        carry=2 * len(shapes),
    )


def _adamw(
    name: str, shapes: dict[str, tuple[int, ...]], source: str, *, core: bool = True
) -> Preset:
    return preset(
        "AdamWUpdate",
        name,
        clip=(16, 224, 224),
        inputs=_inputs(shapes, {"p": "parameter", "mu": "state", "nu": "unit", "g": "state"}),
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
        core=core,
        passes=("forward",),
        carry=3 * len(shapes),
    )


# fmt: off
PRESETS = (
    _adamw("vit-b-adamw", _vit_shapes(width=768, depth=12), f"{VIDEOMAE}; update: {MVIT}"),
    _adamw("vit-s-adamw", _vit_shapes(width=384, depth=12), f"{VIDEOMAE}; update: {MVIT}",
           core=False),
    _sgd("r3d_18-sgd", _resnet3d_shapes(temporal=3), R3D),
    _sgd("mc3_18-sgd", _resnet3d_shapes(temporal=1), R3D.replace("r3d_18", "mc3_18")),
)
# fmt: on
