"""Space-time patches moved into the channels and back: memory traffic, hardly any arithmetic."""

from reelbench.catalogue.preset import preset

WAN22 = "Wan Team 2025, arXiv:2503.20314; Wan2.2 wan/modules/vae2_2.py"
COSMOS = (
    "NVIDIA 2025, arXiv:2501.03575; NVIDIA/Cosmos-Tokenizer cosmos_tokenizer/modules/patching.py"
)
LTX = "HaCohen et al. 2024, arXiv:2501.00103; diffusers models/autoencoders/autoencoder_kl_ltx.py"

# fmt: off
PRESETS = (
    # Wan2.2's shortcuts, after its patches of 2×2: second level of the encoder and the decoder.
    preset("AverageDown3D", "wan2.2-vae-average-down", clip=(121, 704, 1280),
           inputs={"x": (121, 176, 320, 160)},
           options={"in_features": 160, "out_features": 320, "factors": (2, 2, 2)}, source=WAN22),
    preset("AverageDown3D", "wan2.2-vae-average-down-small", clip=(17, 256, 256),
           inputs={"x": (17, 64, 64, 160)},
           options={"in_features": 160, "out_features": 320, "factors": (2, 2, 2)}, source=WAN22,
           assumed=True),
    preset("DuplicateUp3D", "wan2.2-vae-duplicate-up", clip=(121, 704, 1280),
           inputs={"x": (61, 88, 160, 1024)},
           options={"in_features": 1024, "out_features": 1024, "factors": (2, 2, 2)}, source=WAN22),
    preset("DuplicateUp3D", "wan2.2-vae-duplicate-up-small", clip=(17, 256, 256),
           inputs={"x": (9, 32, 32, 1024)},
           options={"in_features": 1024, "out_features": 1024, "factors": (2, 2, 2)}, source=WAN22,
           assumed=True),

    preset("HaarPatch", "cosmos-haar-patch", clip=(121, 704, 1280),
           inputs={"x": (121, 704, 1280, 3)}, options={"patch": 4}, source=COSMOS),
    preset("HaarPatch", "cosmos-haar-patch-small", clip=(17, 256, 256),
           inputs={"x": (17, 256, 256, 3)}, options={"patch": 4}, source=COSMOS, assumed=True),
    preset("HaarUnpatch", "cosmos-haar-unpatch", clip=(121, 704, 1280),
           inputs={"x": (31, 176, 320, 192)}, options={"patch": 4}, source=COSMOS),
    preset("HaarUnpatch", "cosmos-haar-unpatch-small", clip=(17, 256, 256),
           inputs={"x": (5, 64, 64, 192)}, options={"patch": 4}, source=COSMOS, assumed=True),

    preset("Patchify", "ltx-vae-patchify", clip=(121, 512, 768),
           inputs={"x": (121, 512, 768, 3)}, options={"patch": 4}, source=LTX),
    preset("Patchify", "ltx-vae-patchify-small", clip=(17, 256, 256),
           inputs={"x": (17, 256, 256, 3)}, options={"patch": 4}, source=LTX, assumed=True),
    # The decoder's last up-sampling: a convolution to eight times the channels, then the move.
    preset("LTXUpsample", "ltx-vae-up", clip=(121, 512, 768),
           inputs={"x": (61, 64, 96, 128)}, options={"features": 128}, source=LTX),
    preset("LTXUpsample", "ltx-vae-up-small", clip=(9, 128, 128),
           inputs={"x": (5, 16, 16, 128)}, options={"features": 128}, source=LTX, assumed=True),
)
# fmt: on
