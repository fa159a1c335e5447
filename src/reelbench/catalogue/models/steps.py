"""Whole training steps, and the layers that a step is made of as cases of their own.

A step is a model's forward pass, its loss, the backward pass and the update of its parameters by
the model's optimizer. With rematerialisation every trained layer keeps its inputs alone and
computes the rest again in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reelbench.catalogue import presets
from reelbench.catalogue.models import Model, Part, find_model
from reelbench.catalogue.models import models as all_models
from reelbench.catalogue.models.model import Optimizer
from reelbench.catalogue.preset import Preset

StepPass = Literal["step", "step-remat"]
STEP_PASSES: tuple[StepPass, ...] = ("step", "step-remat")
FAMILY = "models"
"""Family of whole steps in result files."""

OPTIMIZERS: Mapping[str, Optimizer] = {"AdamWUpdate": "adamw", "SGDUpdate": "sgd"}
"""Which optimizer a layer of the family ``optimizer`` is."""


@dataclass(frozen=True)
class Step:
    """A whole training step, measured like a layer.

    Attributes:
        model: The model, at any size.
    """

    model: Model

    @property
    def name(self) -> str:
        """What a user types: the name of the model."""
        return self.model.name

    @property
    def passes(self) -> tuple[StepPass, ...]:
        """With and without rematerialisation."""
        return STEP_PASSES

    @property
    def core(self) -> bool:
        """A whole step comes before its layers when a budget is short: they can be filled in."""
        return True

    @property
    def frames(self) -> int:
        """Video frames in one clip."""
        return self.model.clip[0]


def parts_in_step(model: Model) -> tuple[Part, ...]:
    """The parts of a model as a training step differentiates them.

    What the model is given from outside has no gradient: the pixels that a stem sees, the text of a
    diffusion transformer, and what comes out of layers that are not trained. Inputs are matched by
    name and shape with those of the model, at the first part that has them.
    """
    given = {name: each.shape for name, each in model.inputs.items()}
    parts: list[Part] = []
    below = True  # nothing that was trained comes before
    for part in model.parts:
        inputs = {}
        for place, (name, each) in enumerate(part.preset.inputs.items()):
            outside = given.get(name) == each.shape
            if outside:
                del given[name]
            outside |= below and place == 0 and len(parts) > 0
            inputs[name] = replace(each, given=True) if outside and each.values != "index" else each
        below &= not part.trained
        parts.append(replace(part, preset=_named(replace(part.preset, inputs=inputs), model.clip)))
    return tuple(parts)


def parts_of(models: Iterable[Model]) -> tuple[Preset, ...]:
    """The distinct layers of models, each once, in the order of the models."""
    found: dict[str, Preset] = {}
    for model in models:
        for part in parts_in_step(model):
            found.setdefault(part.preset.sizes, part.preset)
    return tuple(found.values())


def layers_of(models: Sequence[Model]) -> tuple[Preset, ...]:
    """What must be measured to predict the training steps of models: layers and optimizers."""
    optimizers = {model.optimizer for model in models}
    updates = [row for row in presets("optimizer") if OPTIMIZERS[row.layer] in optimizers]
    return (*parts_of(models), *updates)


def steps_of(models: Iterable[Model]) -> tuple[Step, ...]:
    """The training steps of models."""
    return tuple(map(Step, models))


def small() -> tuple[Model, ...]:
    """Models at sizes whose training step takes some seconds at most on two processor cores."""
    return tuple(map(find_model, SMALL))


def asked(names: Iterable[str]) -> tuple[Model, ...]:
    """The models among names, each of which may be of anything else; `small` if there are none.

    Raises:
        SizeError: A model cannot be had at the size that its name asks for.
    """
    published = {model.name for model in all_models()}
    found = [name for name in names if name.partition("@")[0] in published]
    return tuple(map(find_model, found)) if found else small()


def _named(preset: Preset, clip: tuple[int, int, int]) -> Preset:
    """A layer under a name that says what it is wherever it stands: equal layers share it."""
    return replace(preset, name=f"{preset.layer}-{preset.sizes[:8]}", clip=clip)


# fmt: off
SMALL = (
    "r3d_18@8x56x56",                             # 3-D convolutions
    "r2plus1d_18@8x56x56",
    "slow_r50@4x64x64,train_size=64",
    "x3d-xs@4x96x96",                             # depthwise
    "videomae-s@8x96x96",                         # joint attention
    "timesformer@4x96x96,depth=4",                # divided attention
    "vivit-b-fe@8x96x96,depths=4x2",
    "swin3d_t@8x112x112",                         # windows
    "mvit_v2_s@8x96x96",                          # pooled
    "videomae-b-pretrain@8x112x112,depth=4",      # masked pre-training
    "wan2.1-t2v-1.3b@5x128x128,depth=1",          # diffusion transformers
    "cogvideox-2b@5x96x96,depth=1",
    "wan2.1-vae@5x32x32",                         # autoencoders
    "cosmos-tokenizer-cv8x8x8@9x64x64",
    "1x-genie-35m@4x256x256,depth=4",             # world models
    "videomamba-ti@4x112x112",                    # recurrent
    "lss-5cam@image=64x192,grid=64x64",           # bird's-eye view
    "efficientdet-d0@side=256",
)
# fmt: on
"""Of every kind, at sizes for two processor cores; others are named by ``--reel-case``."""
