"""Normalisation: statistics over some axes, then a scale and an offset.

Nearly no operations for the bytes that move: what it costs is how often a compiler reads memory.
"""

from reelbench.catalogue.preset import preset

R3D = "Tran et al. 2018, arXiv:1711.11248; torchvision models/video/resnet.py"
HUNYUAN = (
    "Kong et al. 2024, arXiv:2412.03603; diffusers"
    " models/autoencoders/autoencoder_kl_hunyuan_video.py (middle block)"
)
COGVIDEOX = (
    "Yang et al. 2024, arXiv:2408.06072; diffusers"
    " models/autoencoders/autoencoder_kl_cogvideox.py (middle block)"
)
WAN = "Wan Team 2025, arXiv:2503.20314; diffusers models/autoencoders/autoencoder_kl_wan.py"
VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_finetune.py (ViT-B)"
DIT = "Peebles & Xie 2023, arXiv:2212.09748; facebookresearch/DiT models.py (DiT-XL/2)"
LATTE = "Ma et al. 2024, arXiv:2401.03048; Vchitect/Latte models/latte.py (Latte-XL/2)"

# Nobody published the clips of the small rows: they are short enough for a CPU.
# fmt: off
PRESETS = (
    preset("BatchNorm3D", "r3d-batch-norm", clip=(16, 112, 112),
           inputs={"x": (16, 56, 56, 64)}, options={"features": 64}, source=R3D),
    preset("GroupNorm3D", "hunyuan-vae-group-norm-small", clip=(17, 256, 256),
           inputs={"x": (5, 32, 32, 512)}, options={"features": 512, "num_groups": 32},
           source=HUNYUAN, assumed=True),
    preset("GroupNorm3D", "hunyuan-vae-group-norm", clip=(129, 720, 1280),
           inputs={"x": (33, 90, 160, 512)}, options={"features": 512, "num_groups": 32},
           source=HUNYUAN),
    preset("GroupNorm3D", "cogvideox-vae-group-norm", clip=(49, 480, 720),
           inputs={"x": (13, 60, 90, 512)}, options={"features": 512, "num_groups": 32},
           source=COGVIDEOX),
    preset("ChannelRMSNorm", "wan-vae-rms-norm-small", clip=(5, 64, 64),
           inputs={"x": (5, 64, 64, 96)}, options={"features": 96}, source=WAN, assumed=True),
    preset("ChannelRMSNorm", "wan-vae-rms-norm", clip=(81, 480, 832),
           inputs={"x": (81, 480, 832, 96)}, options={"features": 96}, source=WAN),
    preset("TokenNorm", "vit-b-layer-norm", clip=(16, 224, 224),
           inputs={"x": (1568, 768)}, options={"features": 768}, source=VIDEOMAE),
    preset("AdaptiveNorm", "dit-xl-adaln", clip=(1, 256, 256),
           inputs={"x": (256, 1152), "condition": (1152,)}, options={"features": 1152},
           source=DIT),
    preset("AdaptiveNorm", "latte-xl-adaln", clip=(16, 256, 256),
           inputs={"x": (16 * 256, 1152), "condition": (1152,)}, options={"features": 1152},
           source=LATTE),
)
# fmt: on
