"""VideoMamba: bidirectional selective scans over all tokens of a clip."""

from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "Li et al. 2024, arXiv:2403.06977; OpenGVLab/VideoMamba video_sm/models/videomamba.py"
TABLE = "Li et al. 2024, arXiv:2403.06977, full results on Kinetics-400"
PATCH = 16
FUSED = (
    "fvcore does not see into the source's fused kernel: without the {inside:.1f} G of its "
    "convolutions, of the projections to step sizes, writes and reads and of the reads themselves, "
    "ours are {rest:.1f} G, to which it adds 5 operations for each element of a norm"
)


@resizable
def videomamba(
    name: str,
    width: int,
    depth: int,
    parameters: str,
    macs: str,
    *,
    clip: tuple[int, int, int],
    classes: int = 400,
) -> Model:
    """Compose a model of a width and depth, with what the paper's table says of it."""
    frames, height, columns = clip
    places = (height // PATCH) * (columns // PATCH)
    tokens = 1 + frames * places
    stem: dict[str, Any] = {
        "in_features": 3,
        "out_features": width,
        "frames": frames,
        "places": places,
    }
    parts = (
        part("stem", "scan.FrameEmbedding", {"x": (*clip, 3)}, **stem),
        part("blocks", "scan.MambaBlock", {"x": (tokens, width)}, count=depth, in_features=width),
        part("head", "scan.FirstTokenHead", {"x": (tokens, width)}, in_features=width,
             num_classes=classes),
    )  # fmt: skip
    options = {"stem": stem, "depth": depth, "num_classes": classes}
    published = (
        Published("parameters", parameters, TABLE),
        Published("macs", macs, TABLE, unmet=_why(width, depth, tokens, clip)),
    )
    inputs = {"x": Input((*clip, 3))}
    return Model("VisionMamba", name, clip, inputs, options, parts, PAPER, published)


def _why(width: int, depth: int, tokens: int, clip: tuple[int, int, int]) -> str:
    """Why a count that sees all matrix products is higher, in GMACs."""
    inner, rank, state, kernel = 2 * width, -(-width // 16), 16, 4
    inside = 2 * inner * (kernel + rank + 2 * state + rank + state)
    outside = 3 * width * inner
    patches = clip[0] * clip[1] * clip[2] * 3 * width
    return FUSED.format(
        inside=depth * tokens * inside / 1e9, rest=(depth * tokens * outside + patches) / 1e9
    )


SMALL, LARGE = (224, 224), (384, 384)

MODELS = (
    videomamba("videomamba-ti", 192, 24, "7 M", "9 G", clip=(8, *SMALL)),
    videomamba("videomamba-ti-64", 192, 24, "7 M", "69 G", clip=(64, *SMALL)),
    videomamba("videomamba-s", 384, 24, "26 M", "34 G", clip=(8, *SMALL)),
    videomamba("videomamba-m", 576, 32, "74 M", "101 G", clip=(8, *SMALL)),
    videomamba("videomamba-m-64x384", 576, 32, "74 M", "2368 G", clip=(64, *LARGE)),
)
