"""SlowFast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.catalogue.models.bottleneck3d import DEPTHS, Block
from reelbench.catalogue.models.slowfast import FAST, SLOW, pathways
from reelbench.layers.convolution import Bottleneck, ConvStem, LateralFusion
from reelbench.layers.head import SlowFastHead

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class SlowFast(nnx.Module):
    """Two residual 3-D CNNs, over few and over many frames, joined by lateral connections.

    Feichtenhofer et al., "SlowFast Networks for Video Recognition", 2019, arXiv:1812.03982;
    PyTorchVideo ``models/slowfast.py``, ``create_slowfast`` (dropout left out).

    Args:
        depths: Blocks of each stage.
        slow_kernels: Kernel lengths along time of a stage's blocks in the slow pathway, repeated
            over them.
        fast_kernels: The same in the fast pathway.
        lateral_kernel: Length of the lateral connections' kernel.
        lateral_stride: Frames of the fast pathway for each frame of the slow one.
        width: Channels of the slow stem.
        fast_share: Channels of the slow pathway for each channel of the fast one.
        lateral_ratio: Channels that a lateral connection makes of each channel of the fast pathway.
        num_classes: Classes.
        slow_window: Lengths of the average pooling of the slow pathway in the head; by default the
            whole input.
        fast_window: The same for the fast pathway.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        *,
        depths: tuple[int, ...] = DEPTHS[50],
        slow_kernels: tuple[tuple[int, ...], ...] = SLOW,
        fast_kernels: tuple[tuple[int, ...], ...] = FAST,
        lateral_kernel: int = 7,
        lateral_stride: int = 4,
        width: int = 64,
        fast_share: int = 8,
        lateral_ratio: int = 2,
        num_classes: int = 400,
        slow_window: tuple[int, int, int] | None = None,
        fast_window: tuple[int, int, int] | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        narrow = width // fast_share
        self.slow_stem = ConvStem(3, width, kernel_size=(1, 7, 7), pool=True, **common)
        self.fast_stem = ConvStem(3, narrow, kernel_size=(5, 7, 7), pool=True, **common)
        slow, fast = pathways(depths, slow_kernels, fast_kernels, width, fast_share, lateral_ratio)

        def stages(pathway: tuple[tuple[Block, ...], ...]) -> Any:
            return nnx.List(
                [
                    nnx.List([Bottleneck(**block, **common) for block in blocks])
                    for blocks in pathway
                ]
            )

        self.slow_stages = stages(slow)
        self.fast_stages = stages(fast)
        self.laterals = nnx.List(
            [
                LateralFusion(
                    blocks[0]["in_features"],
                    lateral_ratio * blocks[0]["in_features"],
                    temporal_kernel=lateral_kernel,
                    temporal_stride=lateral_stride,
                    **common,
                )
                for blocks in fast
            ]
        )
        self.head = SlowFastHead(
            slow[-1][-1]["out_features"],
            fast[-1][-1]["out_features"],
            num_classes,
            slow_window=slow_window,
            fast_window=fast_window,
            **common,
        )

    def __call__(
        self,
        slow: Float[Array, "batch t h w 3"],
        fast: Float[Array, "batch fast_t h w 3"],
    ) -> Float[Array, "batch num_classes"]:
        """Logits of the classes of a clip, given at both frame rates."""
        slow, fast = self.slow_stem(slow), self.fast_stem(fast)
        for lateral, slow_blocks, fast_blocks in zip(
            self.laterals, self.slow_stages, self.fast_stages, strict=True
        ):
            slow = lateral(slow, fast)
            for block in slow_blocks:
                slow = block(slow)
            for block in fast_blocks:
                fast = block(fast)
        return self.head(slow, fast)
