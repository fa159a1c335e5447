"""Published models at other sizes, and the layers of their training steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.catalogue import UnknownNameError
from reelbench.catalogue.models import SizeError, find_model, models
from reelbench.catalogue.models.steps import (
    asked,
    layers_of,
    parts_in_step,
    parts_of,
    small,
)


def test_another_clip_changes_shapes_and_nothing_else():
    whole, less = find_model("r3d_18"), find_model("r3d_18@8x56x56")
    assert less.clip == (8, 56, 56)
    assert less.inputs["x"].shape == (8, 56, 56, 3)
    assert less.options == whole.options
    assert (less.kind, less.optimizer, less.source) == (whole.kind, "sgd", whole.source)
    assert [(part.name, part.count) for part in less.parts] == [
        (part.name, part.count) for part in whole.parts
    ]


def test_no_published_figure_is_claimed_for_another_size():
    assert find_model("r3d_18").published
    assert not find_model("r3d_18@8x56x56").published


def test_blocks_are_chosen_by_name_and_with_the_clip():
    model = find_model("videomae-b@8x96x96,depth=2")
    assert model.clip == (8, 96, 96)
    assert next(part.count for part in model.parts if part.name == "blocks") == 2
    assert find_model("r3d_18@depths=1x1x1x1").clip == find_model("r3d_18").clip


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("r3d_81@8x56x56", UnknownNameError, "r3d_18"),
        ("r3d_18@8x56", SizeError, "16x112x112"),
        ("r3d_18@", SizeError, "16x112x112"),
        ("r3d_18@8x56x0", SizeError, "clip"),
        ("r3d_18@depth=2", UnknownNameError, "depths"),
        ("videomae-b@1x224x224", SizeError, "larger"),
        ("r3d_18@depths=two", SizeError, "depths"),
    ],
)
def test_a_size_that_cannot_be_is_refused_with_what_can(name, error, says):
    with pytest.raises(error, match=says) as refused:
        find_model(name)
    assert "\n" not in str(refused.value)


def test_every_published_model_is_composed_again_at_its_own_size():
    for model in models():
        recipe = model.recipe
        assert recipe is not None, model.name
        clip = recipe.given.get("clip")
        if clip:
            same = find_model(f"{model.name}@{'x'.join(map(str, clip))}")
            assert (same.parts, same.inputs, same.options) == (
                model.parts, model.inputs, model.options,
            )  # fmt: skip


@given(st.integers(1, 6), st.integers(1, 4))
def test_parameters_of_a_3d_cnn_do_not_depend_on_the_clip(frames, scale):
    def layers(model):
        return [(part.preset.layer, part.preset.options, part.count) for part in model.parts]

    other = find_model(f"r3d_18@{8 * frames}x{32 * scale}x{32 * scale}")
    assert layers(other) == layers(find_model("r3d_18"))


def test_what_a_model_is_given_has_no_gradient_and_what_layers_make_has_one():
    parts = parts_in_step(find_model("r3d_18@8x56x56"))
    assert parts[0].preset.given == (True,)
    assert not any(any(part.preset.given) for part in parts[1:])


def test_what_follows_a_frozen_stem_has_no_gradient_either():
    parts = parts_in_step(find_model("bevformer-tiny"))
    frozen = [part for part in parts if not part.trained]
    first = parts[len(frozen)]
    assert frozen
    assert first.preset.given[0]
    assert not parts[len(frozen) + 1].preset.given[0]


def test_equal_layers_of_models_are_measured_once():
    pair = [find_model("videomae-b@8x96x96,depth=2"), find_model("videomae-b@8x96x96,depth=3")]
    assert len(parts_of(pair)) == len(parts_of(pair[:1])) == 3


def test_a_gradient_less_input_makes_another_case():
    stem = find_model("r3d_18").parts[0].preset
    assert parts_in_step(find_model("r3d_18"))[0].preset.sizes != stem.sizes


def test_layers_of_models_come_with_the_optimizers_that_update_them():
    names = {row.name for row in layers_of([find_model("r3d_18")])}
    assert "r3d_18-sgd" in names
    assert "vit-b-adamw" not in names


def test_models_are_found_among_other_names_and_small_ones_without_any():
    assert [each.name for each in asked(["r3d-layer1", "r3d_18@8x56x56"])] == ["r3d_18@8x56x56"]
    assert asked(["r3d-layer1"]) == small()


def test_small_models_are_of_many_kinds():
    assert len(small()) >= 15
    assert len({model.kind for model in small()}) >= 12


def windows_of(model):
    """The windows of the averages in a model's head, each with what it moves over."""
    head = model.parts[-1].preset
    names = ("window", "pool_size", "slow_window", "fast_window")
    windows = [head.options[each] for each in names if head.options.get(each)]
    return list(zip(windows, head.inputs.values(), strict=False))


@pytest.mark.parametrize("name", [model.name for model in models() if windows_of(model)])
def test_the_average_in_a_head_fits_a_smaller_clip(name):
    model = find_model(name)
    if "clip" in model.recipe.given:
        smaller = "x".join(str(max(each // 2, 1)) for each in model.clip)
    else:
        smaller = f"size={model.clip[1] // 2}"
    found = windows_of(find_model(f"{name}@{smaller}"))
    assert found
    for window, each in found:
        assert all(w <= size for w, size in zip(window, each.shape[:3], strict=True))
