"""Tokenizers: clips to a grid of codebook indices, or of a few numbers, and their blocks."""

from reelbench.catalogue.preset import preset

MAGVIT = (
    "Yu et al. 2023, arXiv:2212.05199; "
    "google-research/magvit videogvt/configs/vqgan3d_ucf101_config.py"
)
COSMOS = (
    "NVIDIA 2025, arXiv:2501.03575; NVIDIA/Cosmos-Tokenizer cosmos_tokenizer/modules/layers3d.py"
)

# fmt: off
PRESETS = (
    # 3D-VQ B: the first level, the levels between, and the codebook of 1024.
    preset("MagvitResidualBlock", "magvit-b-residual", clip=(16, 128, 128),
           inputs={"x": (16, 128, 128, 64)}, options={"in_features": 64, "out_features": 64},
           source=MAGVIT),
    preset("MagvitResidualBlock", "magvit-b-residual-level2", clip=(16, 128, 128),
           inputs={"x": (4, 32, 32, 128)}, options={"in_features": 128, "out_features": 128},
           source=MAGVIT),
    preset("MagvitUpsample", "magvit-b-up", clip=(16, 128, 128),
           inputs={"x": (4, 32, 32, 128)},
           options={"in_features": 128, "out_features": 128, "factors": (2, 2, 2)}, source=MAGVIT),
    preset("VectorQuantizer", "magvit-b-quantizer", clip=(16, 128, 128),
           inputs={"x": (4, 16, 16, 256)}, options={"features": 256, "codes": 1024}, source=MAGVIT),
    preset("MagvitResidualBlock", "magvit-l-residual", clip=(16, 128, 128),
           inputs={"x": (16, 128, 128, 128)}, options={"in_features": 128, "out_features": 128},
           source=MAGVIT),
    preset("MagvitResidualBlock", "magvit-l-residual-small", clip=(16, 64, 64),
           inputs={"x": (16, 64, 64, 128)}, options={"in_features": 128, "out_features": 128},
           source=MAGVIT, assumed=True),

    # CV8x8x8, after wavelet patches of 4: the encoder's first level, its end, and the middle.
    preset("CosmosResidualBlock", "cosmos-tokenizer-residual", clip=(121, 704, 1280),
           inputs={"x": (31, 176, 320, 256)}, options={"in_features": 256, "out_features": 256},
           source=COSMOS),
    preset("CosmosResidualBlock", "cosmos-tokenizer-residual-small", clip=(17, 256, 256),
           inputs={"x": (5, 64, 64, 256)}, options={"in_features": 256, "out_features": 256},
           source=COSMOS, assumed=True),
    preset("CosmosDownsample", "cosmos-tokenizer-down", clip=(121, 704, 1280),
           inputs={"x": (31, 176, 320, 256)}, options={"features": 256}, source=COSMOS),
    preset("CosmosDownsample", "cosmos-tokenizer-down-small", clip=(17, 256, 256),
           inputs={"x": (5, 64, 64, 256)}, options={"features": 256}, source=COSMOS, assumed=True),
    preset("CosmosUpsample", "cosmos-tokenizer-up", clip=(121, 704, 1280),
           inputs={"x": (16, 88, 160, 512)}, options={"features": 512}, source=COSMOS),
    preset("CosmosUpsample", "cosmos-tokenizer-up-small", clip=(17, 256, 256),
           inputs={"x": (3, 32, 32, 512)}, options={"features": 512}, source=COSMOS, assumed=True),
    preset("CosmosAttention", "cosmos-tokenizer-attention", clip=(121, 704, 1280),
           inputs={"x": (16, 88, 160, 512)}, options={"features": 512}, source=COSMOS),
    preset("CosmosAttention", "cosmos-tokenizer-attention-small", clip=(17, 256, 256),
           inputs={"x": (3, 32, 32, 512)}, options={"features": 512}, source=COSMOS, assumed=True),
)
# fmt: on
