"""Lift-Splat-Shoot (Philion and Fidler 2020): cameras to a segmented map of the ground."""

from typing import Any

from reelbench.catalogue.models.efficientnet import B0, halved, trunk_options, trunk_parts
from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

SOURCE = "Philion and Fidler 2020, arXiv:2008.05711; nv-tlabs/lift-splat-shoot src/models.py"
FINE, COARSE = 5, 7  # stages of the trunk that are joined, at 1/16 and 1/32 of the image
LAYERS = ((64, 1), (128, 2), (256, 2))  # of the ground's network: width, stride
UNUSED = (
    "what the model holds and never runs is not ours: the head of its EfficientNet-B0,"
    " 1×1 convolution and batch norm 412,160, classifier 1,281,000; with them"
    " 12,598,758 + 1,693,160 = 14,291,918"
)


@resizable
def lss(
    name: str,
    cameras: int,
    *,
    image: tuple[int, int] = (128, 352),
    depths: int = 41,
    features: int = 64,
    grid: tuple[int, int] = (200, 200),
    camera_width: int = 512,
    out_features: int = 1,
) -> Model:
    """A segmenter of the ground around a vehicle.

    Args:
        name: Its name.
        cameras: Cameras; training draws five of six.
        image: Height and width of a camera's image, multiples of 32.
        depths: Depths that a pixel is lifted to.
        features: Features of a point.
        grid: Cells of the map, multiples of 8.
        camera_width: Channels of the joined camera features.
        out_features: Outputs of a cell.
    """
    fine = halved(image, 16)
    coarse = halved(image, 32)
    fine_width, coarse_width = B0[FINE - 1].out_features, B0[COARSE - 1].out_features
    points = (cameras, depths, *fine)
    cell = Input(points, values="index", below=grid[0] * grid[1] + 1)
    half = halved(grid)
    blocks, size, width = [], half, features
    for place, (out, stride) in enumerate(LAYERS, start=1):
        first: dict[str, Any] = {
            "in_features": width,
            "out_features": out,
            "strides": (stride, stride),
        }
        blocks.append(
            part(f"layer{place} first", "liftsplat.BasicBlock2D", {"x": (*size, width)}, **first)
        )
        size, width = halved(size, stride), out
        rest: dict[str, Any] = {"in_features": out, "out_features": out}
        blocks.append(part(f"layer{place}", "liftsplat.BasicBlock2D", {"x": (*size, out)}, **rest))
    joined = 256
    return Model(
        "LiftSplatShoot",
        name,
        (cameras, *image),
        {"images": Input((cameras, *image, 3)), "cell": cell},
        {
            "stages": trunk_options(),
            "join": (FINE, COARSE),
            "camera_width": camera_width,
            "depths": depths,
            "features": features,
            "grid": grid,
            "ground_layers": LAYERS,
            "ground_width": joined,
            "out_features": out_features,
        },
        (
            *trunk_parts(cameras, image),
            part(
                "camera up",
                "liftsplat.UpBlock",
                {"coarse": (cameras, *coarse, coarse_width), "fine": (cameras, *fine, fine_width)},
                in_features=(coarse_width, fine_width),
                out_features=camera_width,
                factor=2,
            ),
            part(
                "lift",
                "liftsplat.DepthLift",
                {"x": (cameras, *fine, camera_width)},
                in_features=camera_width,
                depths=depths,
                features=features,
            ),
            part(
                "splat",
                "liftsplat.Splat",
                {"points": (*points, features), "cell": cell},
                grid=grid,
            ),
            part(
                "ground stem",
                "liftsplat.GroundStem",
                {"x": (*grid, features)},
                in_features=features,
                out_features=features,
            ),
            *blocks,
            part(
                "ground up",
                "liftsplat.UpBlock",
                {"coarse": (*size, width), "fine": (*half, LAYERS[0][0])},
                in_features=(width, LAYERS[0][0]),
                out_features=joined,
                factor=4,
            ),
            part(
                "ground head",
                "liftsplat.GroundHead",
                {"x": (*half, joined)},
                in_features=joined,
                mid_features=joined // 2,
                out_features=out_features,
            ),
        ),
        SOURCE,
        (
            Published(
                "parameters", "14.3 M", "Philion and Fidler 2020, arXiv:2008.05711", unmet=UNUSED
            ),
        ),
    )


MODELS = (lss("lss-5cam", 5), lss("lss", 6))
