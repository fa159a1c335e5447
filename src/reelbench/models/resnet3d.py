"""The residual 3-D CNNs of torchvision: R3D, MC3 and R(2+1)D."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.catalogue.models.resnet3d import first_strides, stem_width
from reelbench.layers.convolution import BasicBlock, ConvStem
from reelbench.layers.factorised import R2Plus1DBlock, R2Plus1DStem
from reelbench.layers.head import PoolingHead

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class ResNet3D(nnx.Module):
    """A residual 3-D CNN of basic blocks: a stem, four stages, and a linear classifier.

    Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", 2018,
    arXiv:1711.11248; torchvision ``models/video/resnet.py``, ``VideoResNet``.

    Args:
        forms: Form of the convolutions of each stage: ``dense``, ``spatial`` or ``factorised``.
        depths: Blocks of each stage.
        width: Channels of the first stage; each further stage has twice as many.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        *,
        forms: tuple[str, ...] = ("dense",) * 4,
        depths: tuple[int, ...] = (2, 2, 2, 2),
        width: int = 64,
        num_classes: int = 400,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.stem: nnx.Module
        if forms[0] == "factorised":
            self.stem = R2Plus1DStem(3, stem_width(width), width, **common)
        else:
            self.stem = ConvStem(3, width, **common)
        blocks: list[nnx.Module] = []
        features = width
        for stage, (form, depth) in enumerate(zip(forms, depths, strict=True)):
            block: Any = {
                "dense": BasicBlock,
                "spatial": partial(BasicBlock, kernel_size=(1, 3, 3)),
                "factorised": R2Plus1DBlock,
            }[form]
            for index in range(depth):
                strides = (1, 1, 1) if index else first_strides(form, stage)
                blocks.append(block(features, width * 2**stage, strides=strides, **common))
                features = width * 2**stage
        self.blocks = nnx.List(blocks)
        self.head = PoolingHead(features, num_classes, **common)

    def __call__(self, x: Float[Array, "batch t h w 3"]) -> Float[Array, "batch num_classes"]:
        """Logits of the classes of a clip."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)
