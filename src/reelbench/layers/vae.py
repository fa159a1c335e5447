"""Blocks of causal video autoencoders, gathered from one file a model line."""

from reelbench.layers.vae_cogvideox import (
    CogVideoXDownsample,
    CogVideoXHead,
    CogVideoXResidualBlock,
    CogVideoXSpatialNorm,
    CogVideoXUpsample,
)
from reelbench.layers.vae_hunyuan import (
    HunyuanDownsample,
    HunyuanHead,
    HunyuanMiddleAttention,
    HunyuanResidualBlock,
    HunyuanUpsample,
)
from reelbench.layers.vae_ltx import LTXConv3D, LTXHead, LTXResidualBlock, LTXUpsample
from reelbench.layers.vae_wan import (
    ChannelRMSNorm,
    WanFrameAttention,
    WanHead,
    WanResidualBlock,
)
from reelbench.layers.vae_wan_resample import WanDownsample, WanUpsample

__all__ = [
    "ChannelRMSNorm",
    "CogVideoXDownsample",
    "CogVideoXHead",
    "CogVideoXResidualBlock",
    "CogVideoXSpatialNorm",
    "CogVideoXUpsample",
    "HunyuanDownsample",
    "HunyuanHead",
    "HunyuanMiddleAttention",
    "HunyuanResidualBlock",
    "HunyuanUpsample",
    "LTXConv3D",
    "LTXHead",
    "LTXResidualBlock",
    "LTXUpsample",
    "WanDownsample",
    "WanFrameAttention",
    "WanHead",
    "WanResidualBlock",
    "WanUpsample",
]
