"""Augmentation of training clips on the device, the same for all frames of a clip.

The whole of MViTv2's, and its steps alone. Sources augment on the host and in 8 bits; the decoded
size differs from video to video, and 256×320 is assumed. What is random comes in as numbers in
[0, 1) and indices, see the layers' docstrings. Which of its operations RandAugment applies, and
so its time, depends on them: they are the same in every run, and differ with the batch.
"""

from collections.abc import Mapping

from reelbench.catalogue.preset import Input, Preset, preset

MVIT = "facebookresearch/SlowFast configs/Kinetics/MVITv2_S_16x4.yaml"

DECODED = (16, 256, 320)
CROPPED = (16, 224, 224)
OPERATIONS = 15
# Draws of a box: area, shape, top and left edge. The sources try so often until one fits.
CROP = (10, 4)
BOX = (100, 4)
# Mixing: CutMix or not, centre of its box; pairs for a number of the beta distribution.
CHOICE = Input((3,), values="unit", batched=False)
SHARES = Input((16, 2), values="unit", batched=False)
LABELS = Input((), values="index", below=400)


def _unit(*shape: int) -> Input:
    return Input(shape, values="unit")


def _operations(count: int, known: int, *samples: int) -> dict[str, Input]:
    """Inputs of RandAugment: which of the known operations are drawn, and their draws."""
    return {
        "index": Input((*samples, count), values="index", below=known),
        "draws": _unit(*samples, count, 3),
    }


def _whole(samples: int) -> Mapping[str, Input]:
    """Inputs of the whole augmentation, with so many results for each decoded clip."""
    drawn = _operations(4, OPERATIONS, samples)
    return {
        "frames": _unit(*DECODED, 3),
        "labels": LABELS,
        "index": drawn["index"],
        "operations": drawn["draws"],
        "crop": _unit(samples, *CROP),
        "chances": _unit(samples, 2),
        "erasing": _unit(samples, *BOX),
        "noise": Input((samples, *CROPPED, 3)),
        "mixing": CHOICE,
        "shares": SHARES,
    }


def _step(
    layer: str,
    name: str,
    clip: tuple[int, int, int],
    inputs: Mapping[str, tuple[int, ...] | Input],
    *,
    assumed: bool = True,
    **options: object,
) -> Preset:
    return preset(
        layer,
        name,
        clip=clip,
        inputs=inputs,
        options=options,
        source=MVIT,
        assumed=assumed,
        passes=("forward",),
    )


FRAMES = {"frames": _unit(*DECODED, 3)}

# fmt: off
PRESETS = (
    _step("Augmentation", "mvit-augmentation", DECODED, _whole(1), size=224, num_classes=400),
    _step("Augmentation", "mvit-augmentation-repeated", DECODED, _whole(2), size=224,
          num_classes=400),
    _step("RandAugment", "mvit-randaugment", DECODED, FRAMES | _operations(4, OPERATIONS)),
    _step("RandAugment", "mvit-rotate", DECODED, FRAMES | _operations(1, 1),
          operations=("Rotate",), probability=1.0),
    _step("RandAugment", "mvit-equalize", DECODED, FRAMES | _operations(1, 1),
          operations=("Equalize",), probability=1.0),
    _step("ResizedCrop", "mvit-resized-crop", DECODED, FRAMES | {"draws": _unit(*CROP)}, size=224),
    _step("RandomErasing", "mvit-erasing", CROPPED,
          {"frames": (*CROPPED, 3), "noise": (*CROPPED, 3), "erased": _unit(),
           "draws": _unit(*BOX)}, assumed=False),
    _step("Mixing", "mvit-mixing", CROPPED,
          {"frames": (*CROPPED, 3), "labels": LABELS, "choice": CHOICE, "shares": SHARES},
          assumed=False, num_classes=400),
)
# fmt: on
