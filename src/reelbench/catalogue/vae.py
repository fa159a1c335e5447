"""Blocks of causal video autoencoders, which compress a clip for a diffusion model.

Their outer levels have few channels at the clip's own resolution: activations are far larger than
parameters.
"""

from reelbench.catalogue.preset import preset

WAN = "Wan Team 2025, arXiv:2503.20314; diffusers models/autoencoders/autoencoder_kl_wan.py"
HUNYUAN = (
    "Kong et al. 2024, arXiv:2412.03603; "
    "diffusers models/autoencoders/autoencoder_kl_hunyuan_video.py"
)
COGVIDEOX = (
    "Yang et al. 2024, arXiv:2408.06072; diffusers models/autoencoders/autoencoder_kl_cogvideox.py"
)
LTX = "HaCohen et al. 2024, arXiv:2501.00103; diffusers models/autoencoders/autoencoder_kl_ltx.py"

# Assumed in rows that are: a crop small enough for any machine.
# fmt: off
PRESETS = (
    # The encoder's first level: the clip's own resolution, base width 96.
    # Assumed: 1 + 4 frames, as the encoder's first chunks.
    preset("WanResidualBlock", "wan-vae-residual", clip=(5, 64, 64),
           inputs={"x": (5, 64, 64, 96)}, options={"in_features": 96, "out_features": 96},
           source=WAN, assumed=True, core=True),
    preset("WanResidualBlock", "wan-vae-residual-480p", clip=(81, 480, 832),
           inputs={"x": (81, 480, 832, 96)}, options={"in_features": 96, "out_features": 96},
           source=WAN),
    # The second level, which is halved in time too; and the decoder's second, which is doubled.
    preset("WanDownsample", "wan-vae-down", clip=(81, 480, 832),
           inputs={"x": (81, 240, 416, 192)}, options={"features": 192, "time": True}, source=WAN),
    preset("WanDownsample", "wan-vae-down-small", clip=(17, 128, 128),
           inputs={"x": (17, 64, 64, 192)}, options={"features": 192, "time": True}, source=WAN,
           assumed=True),
    preset("WanUpsample", "wan-vae-up", clip=(81, 480, 832),
           inputs={"x": (41, 120, 208, 384)},
           options={"in_features": 384, "out_features": 192, "time": True}, source=WAN),
    preset("WanUpsample", "wan-vae-up-small", clip=(17, 128, 128),
           inputs={"x": (9, 32, 32, 384)},
           options={"in_features": 384, "out_features": 192, "time": True}, source=WAN,
           assumed=True),
    # The middle: 60×104 positions of each of 21 latent frames.
    preset("WanFrameAttention", "wan-vae-middle-attention", clip=(81, 480, 832),
           inputs={"x": (21, 60, 104, 384)}, options={"features": 384}, source=WAN),
    preset("WanFrameAttention", "wan-vae-middle-attention-small", clip=(17, 256, 256),
           inputs={"x": (5, 32, 32, 384)}, options={"features": 384}, source=WAN, assumed=True),

    # The tile of the published code: first level, changes of resolution, middle.
    preset("HunyuanResidualBlock", "hunyuan-vae-residual", clip=(17, 256, 256),
           inputs={"x": (17, 256, 256, 128)}, options={"in_features": 128, "out_features": 128},
           source=HUNYUAN),
    preset("HunyuanResidualBlock", "hunyuan-vae-residual-small", clip=(5, 64, 64),
           inputs={"x": (5, 64, 64, 128)}, options={"in_features": 128, "out_features": 128},
           source=HUNYUAN, assumed=True),
    preset("HunyuanDownsample", "hunyuan-vae-down", clip=(17, 256, 256),
           inputs={"x": (17, 128, 128, 256)}, options={"features": 256, "strides": (2, 2, 2)},
           source=HUNYUAN),
    preset("HunyuanDownsample", "hunyuan-vae-down-small", clip=(17, 64, 64),
           inputs={"x": (17, 32, 32, 256)}, options={"features": 256, "strides": (2, 2, 2)},
           source=HUNYUAN, assumed=True),
    preset("HunyuanUpsample", "hunyuan-vae-up", clip=(17, 256, 256),
           inputs={"x": (9, 128, 128, 256)}, options={"features": 256, "factors": (2, 2, 2)},
           source=HUNYUAN),
    preset("HunyuanUpsample", "hunyuan-vae-up-small", clip=(9, 64, 64),
           inputs={"x": (5, 32, 32, 256)}, options={"features": 256, "factors": (2, 2, 2)},
           source=HUNYUAN, assumed=True),
    preset("HunyuanMiddleAttention", "hunyuan-vae-middle-attention", clip=(17, 256, 256),
           inputs={"x": (5, 32, 32, 512)}, options={"features": 512}, source=HUNYUAN),

    # First level of the encoder and last of the decoder, whose norms see the latent code.
    preset("CogVideoXResidualBlock", "cogvideox-vae-encoder-residual", clip=(49, 480, 720),
           inputs={"x": (49, 480, 720, 128)}, options={"in_features": 128, "out_features": 128},
           source=COGVIDEOX),
    preset("CogVideoXResidualBlock", "cogvideox-vae-encoder-residual-small", clip=(5, 64, 64),
           inputs={"x": (5, 64, 64, 128)}, options={"in_features": 128, "out_features": 128},
           source=COGVIDEOX, assumed=True),
    preset("CogVideoXResidualBlock", "cogvideox-vae-decoder-residual", clip=(49, 480, 720),
           inputs={"x": (49, 480, 720, 128), "latent": (13, 60, 90, 16)},
           options={"in_features": 128, "out_features": 128, "latent_features": 16},
           source=COGVIDEOX),
    preset("CogVideoXResidualBlock", "cogvideox-vae-decoder-residual-small", clip=(5, 64, 64),
           inputs={"x": (5, 64, 64, 128), "latent": (2, 8, 8, 16)},
           options={"in_features": 128, "out_features": 128, "latent_features": 16},
           source=COGVIDEOX, assumed=True),
    preset("CogVideoXDownsample", "cogvideox-vae-down", clip=(49, 480, 720),
           inputs={"x": (25, 240, 360, 256)}, options={"features": 256, "time": True},
           source=COGVIDEOX),
    preset("CogVideoXDownsample", "cogvideox-vae-down-small", clip=(17, 128, 128),
           inputs={"x": (9, 64, 64, 256)}, options={"features": 256, "time": True},
           source=COGVIDEOX, assumed=True),
    preset("CogVideoXUpsample", "cogvideox-vae-up", clip=(49, 480, 720),
           inputs={"x": (25, 120, 180, 256)}, options={"features": 256, "time": True},
           source=COGVIDEOX),
    preset("CogVideoXUpsample", "cogvideox-vae-up-small", clip=(17, 128, 128),
           inputs={"x": (9, 32, 32, 256)}, options={"features": 256, "time": True},
           source=COGVIDEOX, assumed=True),

    # The encoder's first level, after patches of 4×4: 121 frames of 512×768.
    preset("LTXResidualBlock", "ltx-vae-encoder-residual", clip=(121, 512, 768),
           inputs={"x": (121, 128, 192, 128)}, options={"in_features": 128, "out_features": 128},
           source=LTX),
    preset("LTXResidualBlock", "ltx-vae-encoder-residual-small", clip=(9, 256, 256),
           inputs={"x": (9, 64, 64, 128)}, options={"in_features": 128, "out_features": 128},
           source=LTX, assumed=True),
    # Wider, without a view of the past alone: the decoder's second level.
    preset("LTXResidualBlock", "ltx-vae-decoder-residual", clip=(121, 512, 768),
           inputs={"x": (31, 32, 48, 512)},
           options={"in_features": 512, "out_features": 512, "causal": False}, source=LTX),
    preset("LTXResidualBlock", "ltx-vae-decoder-residual-small", clip=(17, 128, 128),
           inputs={"x": (5, 8, 8, 512)},
           options={"in_features": 512, "out_features": 512, "causal": False}, source=LTX,
           assumed=True),
    preset("LTXConv3D", "ltx-vae-down", clip=(121, 512, 768),
           inputs={"x": (121, 128, 192, 128)},
           options={"in_features": 128, "out_features": 128, "strides": (2, 2, 2)}, source=LTX),
    preset("LTXConv3D", "ltx-vae-down-small", clip=(9, 256, 256),
           inputs={"x": (9, 64, 64, 128)},
           options={"in_features": 128, "out_features": 128, "strides": (2, 2, 2)}, source=LTX,
           assumed=True),
)
# fmt: on
