"""Wan 2.1: a diffusion transformer with cross-attention to the text, and to a first frame."""

from math import prod
from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

WAN = "Wan Team 2025, arXiv:2503.20314; Wan-Video/Wan2.1 wan/modules/model.py, wan/configs"
CLASS = "Wan-Video/Wan2.1 wan/modules/model.py WanModel; diffusers WanTransformer3DModel"
TEXT, IMAGE = (512, 4096), (257, 1280)
# Image to video: beside the noisy latent, four channels say which frames are given and sixteen
# give them.
CHANNELS = {False: 16, True: 36}


@resizable
def wan(
    name: str,
    clip: tuple[int, int, int],
    depth: int,
    width: int,
    heads: int,
    mlp: int,
    *published: Published,
    image: bool = False,
) -> Model:
    """Write a model: a latent stands for 4×8×8 pixels, a token for 1×2×2 latents."""
    latent = ((clip[0] - 1) // 4 + 1, clip[1] // 8, clip[2] // 8)
    grid = (latent[0], latent[1] // 2, latent[2] // 2)
    tokens, channels = (prod(grid), width), CHANNELS[image]
    x = (*latent, channels)
    sizes: dict[str, Any] = {"num_heads": heads, "mlp_dim": mlp, "grid": grid}
    block = {"x": tokens, "text": (TEXT[0], width), "modulation": (6, width)}
    inputs: dict[str, tuple[int, ...]] = {"x": x, "text": TEXT, "timestep": ()}
    options: dict[str, Any] = {"features": width, "depth": depth, **sizes}
    parts = [
        part("embedding", "embedding.TubeletEmbedding", {"x": x}, in_features=channels,
             out_features=width, kernel_size=(1, 2, 2)),
        part("timestep", "conditioning.SharedModulation", {"timestep": ()}, features=width),
        part("text", "conditioning.TextProjection", {"text": TEXT}, in_features=TEXT[1],
             features=width),
    ]  # fmt: skip
    if image:
        inputs["image"], block["image"], sizes["image"] = IMAGE, (IMAGE[0], width), True
        options |= {"in_channels": channels, "image_features": IMAGE[1]}
        parts.append(
            part("image", "conditioning.ImageProjection", {"image": IMAGE}, in_features=IMAGE[1],
                 features=width)
        )  # fmt: skip
    parts += [
        part("blocks", "dit.WanBlock", block, count=depth, in_features=width, **sizes),
        part("head", "denoised.TableHead", {"x": tokens, "embedded": (width,)}, in_features=width,
             out_features=64),
    ]  # fmt: skip
    called = {key: Input(shape) for key, shape in inputs.items()}
    return Model("Wan", name, clip, called, options, tuple(parts), WAN, published)


def _parameters(figure: str) -> Published:
    return Published("parameters", figure, CLASS)


# fmt: off
MODELS = (
    wan("wan2.1-t2v-1.3b", (81, 480, 832), 30, 1536, 12, 8960,
        _parameters("1,418,996,800")),
    wan("wan2.1-t2v-14b", (81, 720, 1280), 40, 5120, 40, 13824,
        _parameters("14,288,491,584"),
        Published("flops", "6,524.3625 T",
                  "AI-Hypercomputer/maxdiffusion README.md: 4 x 4893.2719 TFLOP a training step of"
                  " one clip, three times a forward pass; src/maxdiffusion/trainers/"
                  "base_wan_trainer.py calculate_tflops", tolerance=0.001,
                  convention="blocks alone, and three maps of the text in each where there are"
                             " two")),
    wan("wan2.1-t2v-14b-81x480x832", (81, 480, 832), 40, 5120, 40, 13824,
        _parameters("14,288,491,584"),
        Published("flops", "786 T", "huggingface diffusers/benchmarks, Wan2.1-T2V-14B-Diffusers;"
                  " diffusers benchmarks/benchmarking_wan.py",
                  unmet="torchprofile counts no products inside attention: 879.2 T of self- and"
                        " 13.7 T of cross-attention; the rest of ours is 785.4 T")),
    wan("wan2.1-i2v-14b-480p", (81, 480, 832), 40, 5120, 40, 13824,
        _parameters("16,394,878,784"), image=True),
)
# fmt: on
