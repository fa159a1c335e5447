"""A driving stack in the order that Tesla told of in 2021; every size is assumed.

The exact sizes of Tesla's networks are not published: nothing here says what they really cost.
"""

from typing import Any, Literal

from reelbench.catalogue.models.model import Model, Part, part
from reelbench.catalogue.models.regnet import Stage, stages, trunk_parts
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

SOURCE = "Tesla AI Day 2021, talk: the order of the parts; all sizes assumed"
CAMERAS, LEVELS = 8, 5
HEIGHTS, VOXEL_CLASSES, OBJECT_CLASSES, BOX_FEATURES = 8, 18, 10, 8
RegNet = tuple[int, int, float, float, int]  # as reelbench.catalogue.models.regnet.stages takes it


@resizable
def hydranet(
    name: str,
    frames: int,
    camera: tuple[int, int],
    rectified: tuple[int, int],
    trunk: RegNet,
    *,
    pyramid: tuple[int, int],
    raster: tuple[int, int],
    features: int,
    num_heads: int,
    fusion_depth: int,
    queues: tuple[int, int],
    video: Literal["convolution", "transformer"],
    video_depth: int,
    position_features: int = 32,
    motion_features: int = 12,
    cameras: int = CAMERAS,
) -> Model:
    """A stack.

    Args:
        name: Its name.
        frames: Moments of a clip, each an image of every camera.
        camera: Height and width of a camera's image.
        rectified: Height and width of a rectified image, multiples of 32.
        trunk: Depth, starting width, slope, factor and group width of RegNetY.
        pyramid: Channels and rounds of the BiFPN.
        raster: Rows and columns of the raster.
        features: Channels of the raster and of the video module.
        num_heads: Attention heads.
        fusion_depth: Blocks that ask the cameras.
        queues: Entries of the queues in time and in space.
        video: Which video module.
        video_depth: Its blocks.
        position_features: Channels of the positions in the queues.
        motion_features: Numbers that describe the vehicle's motion.
        cameras: Cameras.
    """
    regnet = stages(*trunk, rectified)
    pyramid_features, rounds = pyramid
    time_entries, space_entries = queues
    entries, width = sum(queues), features + position_features + motion_features
    mlp_dim = 4 * features
    images = (frames, cameras, *camera, 3)
    map_ = Input((cameras, *rectified, 2), values="unit")
    moved = Input((frames, 2), values="unit")
    sizes = _level_sizes(regnet)
    tokens = cameras * sum(height * width for height, width in sizes[1:])
    cells = (frames, raster[0] * raster[1], features)
    attention: dict[str, Any] = {
        "features": features,
        "num_heads": num_heads,
        "mlp_dim": mlp_dim,
    }
    videos = {
        "convolution": ("hydranet.VideoConvolution", {"features": features}),
        "transformer": ("hydranet.VideoTransformer", attention),
    }
    video_layer, video_options = videos[video]
    return Model(
        "HydraNet",
        name,
        (frames * cameras, *camera),
        {
            "images": Input(images),
            "map": map_,
            "motion": Input((frames, motion_features)),
            "moved": moved,
        },
        {
            "depths": tuple(stage.depth for stage in regnet),
            "widths": tuple(stage.out_features for stage in regnet),
            "group_widths": tuple(stage.group_width for stage in regnet),
            "pyramid_features": pyramid_features,
            "pyramid_rounds": rounds,
            "cameras": cameras,
            "raster": raster,
            "features": features,
            "num_heads": num_heads,
            "mlp_dim": mlp_dim,
            "fusion_depth": fusion_depth,
            "position_features": position_features,
            "motion_features": motion_features,
            "time_entries": time_entries,
            "space_entries": space_entries,
            "video": video,
            "video_depth": video_depth,
            "occupancy": (HEIGHTS, VOXEL_CLASSES),
            "objects": (OBJECT_CLASSES, BOX_FEATURES),
        },
        (
            part("rectify", "hydranet.Rectify", {"images": images, "map": map_}),
            *trunk_parts(regnet, rectified, 0.25, frames * cameras),
            *_pyramid_parts(regnet, frames * cameras, pyramid_features, rounds),
            part(
                "tokens",
                "hydranet.CameraTokens",
                {
                    f"level{i}": (frames, cameras, *size, pyramid_features)
                    for i, size in enumerate(sizes[1:], start=1)
                },
                in_features=pyramid_features,
                features=features,
                cameras=cameras,
                levels=LEVELS - 1,
            ),
            part(
                "queries",
                "hydranet.RasterQueries",
                {"summary": (frames, features)},
                in_features=features,
                features=features,
                raster=raster,
            ),
            part(
                "fusion",
                "hydranet.MultiCameraAttention",
                {"query": cells, "tokens": (frames, tokens, features)},
                count=fusion_depth,
                **attention,
            ),
            part(
                "queue",
                "hydranet.FeatureQueue",
                {
                    "time_queue": (time_entries, *raster, width),
                    "space_queue": (space_entries, *raster, width),
                    "since": Input((2,), values="unit"),
                    "features": (*raster, features),
                    "motion": (motion_features,),
                    "moved": Input((2,), values="unit"),
                },
                count=frames,
                position_features=position_features,
            ),
            part(
                "video stem",
                "hydranet.VideoStem",
                {"queue": (entries, *raster, width)},
                in_features=width,
                features=features,
                entries=entries,
            ),
            part(
                "video",
                video_layer,
                {"x": (entries, *raster, features)},
                count=video_depth,
                **video_options,
            ),
            part(
                "occupancy",
                "hydranet.OccupancyHead",
                {"x": (*raster, features)},
                in_features=features,
                heights=HEIGHTS,
                num_classes=VOXEL_CLASSES,
            ),
            part(
                "objects",
                "hydranet.DetectionHead",
                {"x": (*raster, features)},
                in_features=features,
                num_classes=OBJECT_CLASSES,
                box_features=BOX_FEATURES,
            ),
        ),
        SOURCE,
        assumed=True,
    )


def _level_sizes(regnet: list[Stage]) -> list[tuple[int, int]]:
    """Height and width of the pyramid's levels: the last three stages, then halves."""
    sizes = [stage.size for stage in regnet[1:]]
    while len(sizes) < LEVELS:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def _pyramid_parts(regnet: list[Stage], images: int, features: int, rounds: int) -> list[Part]:
    sizes = _level_sizes(regnet)
    seen = tuple(stage.out_features for stage in regnet[1:])
    first = (*seen, *[features] * (LEVELS - len(seen)))

    def levels(channels: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        pairs = enumerate(zip(sizes, channels, strict=True))
        return {f"level{i}": (images, *size, width) for i, (size, width) in pairs}

    equal = (features,) * LEVELS
    return [
        part(
            "coarser levels",
            "bifpn.CoarserLevels",
            {"x": (images, *regnet[-1].size, seen[-1])},
            in_features=seen[-1],
            features=features,
            levels=LEVELS - len(seen),
        ),
        part(
            "bifpn first", "bifpn.BiFPNLayer", levels(first), in_features=first, features=features
        ),
        part(
            "bifpn",
            "bifpn.BiFPNLayer",
            levels(equal),
            count=rounds - 1,
            in_features=equal,
            features=features,
        ),
    ]


# Cameras of 1280×960 and their number are what the talk tells; a raster of 20×80 cells with 256
# channels stood on one of its slides, by a viewer's notes. RegNetY-1.6GF and -400MF.
Y_1_6GF, Y_400MF = (27, 48, 20.71, 2.65, 24), (16, 48, 27.89, 2.09, 8)
LARGE: dict[str, Any] = {
    "frames": 12,
    "camera": (960, 1280),
    "rectified": (480, 640),
    "trunk": Y_1_6GF,
    "pyramid": (128, 3),
    "raster": (20, 80),
    "features": 256,
    "num_heads": 8,
    "fusion_depth": 3,
    "queues": (12, 12),
    "video_depth": 4,
}
SMALL: dict[str, Any] = {
    "frames": 2,
    "camera": (240, 320),
    "rectified": (128, 160),
    "trunk": Y_400MF,
    "pyramid": (64, 2),
    "raster": (10, 40),
    "features": 128,
    "num_heads": 4,
    "fusion_depth": 2,
    "queues": (4, 4),
    "video_depth": 2,
}

# fmt: off
MODELS = (
    hydranet("hydranet-conv3d",            video="convolution", **LARGE),
    hydranet("hydranet-transformer",       video="transformer", **LARGE),
    hydranet("hydranet-conv3d-small",      video="convolution", **SMALL),
    hydranet("hydranet-transformer-small", video="transformer", **SMALL),
)
# fmt: on
