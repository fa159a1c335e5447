"""Layers of driving models: bird's-eye-view maps from cameras, and the objects found on them."""

from __future__ import annotations

from reelbench.layers.driving_attention import DeformableCrossAttention, TemporalSelfAttention
from reelbench.layers.driving_blocks import BEVFormerLayer, DetectionDecoderLayer
from reelbench.layers.driving_spatial import SpatialCrossAttention
from reelbench.layers.driving_tables import BEVFormerQueries, CameraEmbedding, DetectionBranches

__all__ = [
    "BEVFormerLayer",
    "BEVFormerQueries",
    "CameraEmbedding",
    "DeformableCrossAttention",
    "DetectionBranches",
    "DetectionDecoderLayer",
    "SpatialCrossAttention",
    "TemporalSelfAttention",
]
