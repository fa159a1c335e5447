"""Video Swin Transformers: four stages of windowed attention with merging between them."""

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

TORCHVISION = "torchvision models/video/swin_transformer.py"
README = "Liu et al. 2022, arXiv:2106.13230; SwinTransformer/Video-Swin-Transformer README.md"
ZOO = "open-mmlab/mmaction2 configs/recognition/swin/README.md"
WITH_NORMS = (
    "0.1 to 0.2 % above matrix products and convolutions, as two operations for each element of "
    "a LayerNorm would be"
)
WINDOW, PATCH = (8, 7, 7), (2, 4, 4)


@resizable
def swin3d(
    name: str,
    width: int,
    depths: tuple[int, ...],
    heads: tuple[int, ...],
    *published: Published,
    clip: tuple[int, int, int] = (16, 224, 224),
    classes: int = 400,
    source: str = TORCHVISION,
) -> Model:
    """Compose a model of a first stage's width, and blocks and heads of every stage."""
    frames, height, columns = (-(-n // p) for n, p in zip(clip, PATCH, strict=True))
    shape = (frames, height, columns, width)
    parts = [
        part("stem", "windowed.PatchEmbedding3D", {"x": (*clip, 3)},
             in_features=3, out_features=width, patch=PATCH),
    ]  # fmt: skip
    for stage, (depth, num_heads) in enumerate(zip(depths, heads, strict=True), start=1):
        parts += _stage(f"stage{stage}", shape, depth, num_heads)
        if stage < len(depths):
            frames, height, columns, features = shape
            parts.append(
                part(f"merging{stage}", "windowed.PatchMerging", {"x": shape}, in_features=features)
            )
            shape = (frames, -(-height // 2), -(-columns // 2), 2 * features)
    parts.append(
        part("head", "windowed.PooledHead", {"x": shape}, in_features=shape[-1],
             num_classes=classes)
    )  # fmt: skip
    options = {
        "in_features": 3, "width": width, "depths": depths, "num_heads": heads, "window": WINDOW,
        "patch": PATCH, "num_classes": classes,
    }  # fmt: skip
    inputs = {"x": Input((*clip, 3))}
    return Model("SwinTransformer3D", name, clip, inputs, options, tuple(parts), source, published)


def _stage(name: str, shape: tuple[int, ...], depth: int, num_heads: int) -> list[Part]:
    """Blocks of a stage: every second one shifts its windows by half."""
    half = tuple(n // 2 for n in WINDOW)
    blocks = ((name, (0, 0, 0), (depth + 1) // 2), (f"{name}-shifted", half, depth // 2))
    return [
        part(each, "windowed.SwinBlock3D", {"x": shape}, count=count,
             in_features=shape[-1], num_heads=num_heads, mlp_dim=4 * shape[-1],
             window=WINDOW, shift=shift)
        for each, shift, count in blocks
        if count
    ]  # fmt: skip


def _torchvision(parameters: str, ops: str, weights: str) -> tuple[Published, Published]:
    source = f"{TORCHVISION} {weights}"
    return Published("parameters", parameters, source), Published("macs", ops, source)


def _paper(parameters: str, macs: str, source: str = README) -> tuple[Published, Published]:
    return (
        Published("parameters", parameters, ZOO),
        Published("macs", macs, source, tolerance=0.005, convention=WITH_NORMS),
    )


T = (96, (2, 2, 6, 2), (3, 6, 12, 24))
S = (96, (2, 2, 18, 2), (3, 6, 12, 24))
B = (128, (2, 2, 18, 2), (4, 8, 16, 32))
L = (192, (2, 2, 18, 2), (6, 12, 24, 48))
LONG = (32, 224, 224)

MODELS = (
    swin3d("swin3d_t", *T, *_torchvision("28,158,070", "43.882 G", "Swin3D_T_Weights")),
    swin3d("swin3d_s", *S, *_torchvision("49,816,678", "82.841 G", "Swin3D_S_Weights")),
    swin3d("swin3d_b", *B, *_torchvision("88,048,984", "140.667 G", "Swin3D_B_Weights")),
    swin3d("video-swin-t", *T, *_paper("28.2 M", "87.9 G"), clip=LONG, source=README),
    swin3d("video-swin-s", *S, *_paper("49.8 M", "165.9 G"), clip=LONG, source=README),
    swin3d("video-swin-b", *B, *_paper("88.0 M", "281.6 G"), clip=LONG, source=README),
    swin3d("video-swin-l", *L, *_paper("197 M", "604 G", ZOO), clip=LONG, source=README),
)
