"""A driving stack of many cameras and a memory of features, as Tesla told of one in 2021.

Its parts stand in `hydranet_cameras`, `hydranet_queue`, `hydranet_video` and `hydranet_heads`. The
talk gives their order and purpose; what they compute in detail is assumed here.
"""

from reelbench.layers.hydranet_cameras import (
    CameraTokens,
    MultiCameraAttention,
    RasterQueries,
    Rectify,
)
from reelbench.layers.hydranet_heads import DetectionHead, OccupancyHead
from reelbench.layers.hydranet_queue import FeatureQueue
from reelbench.layers.hydranet_video import VideoConvolution, VideoStem, VideoTransformer

__all__ = [
    "CameraTokens",
    "DetectionHead",
    "FeatureQueue",
    "MultiCameraAttention",
    "OccupancyHead",
    "RasterQueries",
    "Rectify",
    "VideoConvolution",
    "VideoStem",
    "VideoTransformer",
]
