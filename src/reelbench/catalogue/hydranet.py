"""A driving stack of eight cameras and a memory, in the order that Tesla told of in 2021.

The exact sizes of Tesla's networks are not published: every size here is assumed, and nothing here
says what Tesla's networks really cost. A clip is what eight cameras take at one instant.
"""

from reelbench.catalogue.preset import Input, preset

TALK = "Tesla AI Day 2021, talk: what the part is for; all sizes assumed"
RIG = (8, 960, 1280)
SMALL_RIG = (8, 240, 320)
WIDTH = 256 + 32 + 12  # features, positions, motion


def _maps(features: int, *sizes: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    return {f"level{i}": (1, 8, *size, features) for i, size in enumerate(sizes)}


def _queue(entries: int, raster: tuple[int, int], features: int, width: int) -> dict[str, Input]:
    """A queue's inputs; times and ways between 0 and 1 push sometimes and sometimes not."""
    return {
        "time_queue": Input((entries, *raster, width)),
        "space_queue": Input((entries, *raster, width)),
        "since": Input((2,), values="unit"),
        "features": Input((*raster, features)),
        "motion": Input((12,)),
        "moved": Input((2,), values="unit"),
    }


# fmt: off
PRESETS = (
    preset("Rectify", "hydranet-rectify", clip=RIG,
           inputs={"images": (1, 8, 960, 1280, 3), "map": Input((8, 480, 640, 2), values="unit")},
           options={}, source=TALK, assumed=True, passes=("forward",)),
    preset("CameraTokens", "hydranet-tokens", clip=RIG,
           inputs=_maps(128, (30, 40), (15, 20), (8, 10), (4, 5)),
           options={"in_features": 128, "features": 256, "cameras": 8, "levels": 4},
           source=TALK, assumed=True),
    preset("RasterQueries", "hydranet-queries", clip=RIG, inputs={"summary": (1, 256)},
           options={"in_features": 256, "features": 256, "raster": (20, 80)},
           source=TALK, assumed=True),
    preset("MultiCameraAttention", "hydranet-fusion", clip=RIG,
           inputs={"query": (1, 1600, 256), "tokens": (1, 12_800, 256)},
           options={"features": 256, "num_heads": 8, "mlp_dim": 1024}, source=TALK, assumed=True),
    preset("MultiCameraAttention", "hydranet-fusion-small", clip=SMALL_RIG,
           inputs={"query": (1, 400, 256), "tokens": (1, 1600, 256)},
           options={"features": 256, "num_heads": 8, "mlp_dim": 1024}, source=TALK, assumed=True),
    preset("FeatureQueue", "hydranet-queue", clip=RIG, inputs=_queue(12, (20, 80), 256, WIDTH),
           options={"position_features": 32}, source=TALK, assumed=True, passes=("forward",),
           carry=3),
    preset("VideoStem", "hydranet-video-stem", clip=RIG, inputs={"queue": (24, 20, 80, WIDTH)},
           options={"in_features": WIDTH, "features": 256, "entries": 24}, source=TALK,
           assumed=True),
    preset("VideoConvolution", "hydranet-video-conv3d", clip=RIG, inputs={"x": (24, 20, 80, 256)},
           options={"features": 256}, source=TALK, assumed=True),
    preset("VideoConvolution", "hydranet-video-conv3d-small", clip=SMALL_RIG,
           inputs={"x": (8, 10, 40, 256)}, options={"features": 256}, source=TALK, assumed=True),
    preset("VideoTransformer", "hydranet-video-transformer", clip=RIG,
           inputs={"x": (24, 20, 80, 256)},
           options={"features": 256, "num_heads": 8, "mlp_dim": 1024}, source=TALK, assumed=True),
    preset("OccupancyHead", "hydranet-occupancy", clip=RIG, inputs={"x": (20, 80, 256)},
           options={"in_features": 256, "heights": 8, "num_classes": 18}, source=TALK,
           assumed=True),
    preset("DetectionHead", "hydranet-objects", clip=RIG, inputs={"x": (20, 80, 256)},
           options={"in_features": 256, "num_classes": 10, "box_features": 8}, source=TALK,
           assumed=True),
)
# fmt: on
