"""Collectives: what devices that train one model together must tell each other in every step.

They need several devices; on one they are not measured. On a CPU, XLA makes several out of one for
a trial with ``XLA_FLAGS=--xla_force_host_platform_device_count=2``.
"""

from reelbench.catalogue.preset import Input, Preset, preset

ZERO = "sharded optimizer: Step-Video, Ma et al. 2025, arXiv:2502.10248"
DDP = "data parallel: Li et al. 2020, arXiv:2006.15704"
VIT = "MCG-NJU/VideoMAE modeling_pretrain.py, ViT-B encoder"
R3D = "torchvision models/video/resnet.py, r3d_18"


def _gradients(name: str, clip: tuple[int, int, int], size: int, kind: str, source: str) -> Preset:
    """Write a row: the gradients of a model as one float32 vector on each device."""
    return preset(
        "GradientReduction",
        name,
        clip=clip,
        inputs={"gradients": Input((size,), values="state", batched=False, per_device=True)},
        options={"kind": kind},
        source=source,
        passes=("forward",),
        devices=2,
    )


R3D_CLIP, VIT_CLIP = (16, 112, 112), (16, 224, 224)
R3D_SIZE, VIT_SIZE = 33_371_472, 86_227_200

# fmt: off
PRESETS = (
    _gradients("r3d_18-all-reduce",    R3D_CLIP, R3D_SIZE, "all_reduce",     f"{DDP}; {R3D}"),
    _gradients("vit-b-all-reduce",     VIT_CLIP, VIT_SIZE, "all_reduce",     f"{DDP}; {VIT}"),
    _gradients("vit-b-reduce-scatter", VIT_CLIP, VIT_SIZE, "reduce_scatter", f"{ZERO}; {VIT}"),
    _gradients("vit-b-all-gather",     VIT_CLIP, VIT_SIZE, "all_gather",     f"{ZERO}; {VIT}"),
)
# fmt: on
