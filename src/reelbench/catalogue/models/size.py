"""A published model at another size: the same composition, of a smaller clip or fewer blocks.

Whole training steps at the published sizes take minutes on a laptop, if they fit at all. What a
model is made of follows from its sizes by one function a kind, so the same function composes it at
any other size: ``r3d_18@8x56x56`` is R3D-18 on a clip of 8×56×56, ``videomae-b@8x96x96,depth=2``
has two blocks instead of twelve. Layers, parameters and FLOPs of such a model hold together as
those of a published one do, and no published figure is claimed for it.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ParamSpec

from reelbench.catalogue.models.model import Model, Recipe
from reelbench.catalogue.names import UnknownNameError

_Sizes = ParamSpec("_Sizes")

_NUMBERS = re.compile(r"\d{1,6}(x\d{1,6})*")


class SizeError(ValueError):
    """A size that a model cannot have; the message says which ones it can."""


def resizable(compose: Callable[_Sizes, Model]) -> Callable[_Sizes, Model]:
    """Let the models that a function composes be composed again at other sizes."""
    signature = inspect.signature(compose)

    @functools.wraps(compose)
    def composed(*args: _Sizes.args, **kwargs: _Sizes.kwargs) -> Model:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return replace(compose(*args, **kwargs), recipe=Recipe(compose, dict(bound.arguments)))

    return composed


def resized(model: Model, text: str) -> Model:
    """The model at another size.

    Args:
        model: A published model.
        text: What is different: a clip such as ``8x56x56``, and sizes by name such as ``depth=2``,
            separated by commas.

    Raises:
        SizeError: A size that this model does not have, or cannot be composed with.
    """
    recipe = model.recipe
    if recipe is None:
        raise SizeError(f"{model.name} has one size only; leave out {text[:80]!r}")
    changed = _parsed(model, recipe, text)
    try:
        made = _call(recipe, changed)
    except (ValueError, ZeroDivisionError, ArithmeticError, IndexError) as error:
        raise SizeError(f"{model.name} cannot be composed at {text[:80]!r}: {error}") from None
    shapes = [each.shape for part in made.parts for each in part.preset.inputs.values()]
    if any(length < 1 for shape in shapes for length in shape):
        raise SizeError(f"{model.name} has nothing left at {text[:80]!r}; choose a larger size")
    name = f"{model.name}@{text}"
    return replace(made, name=name, kind=model.kind, optimizer=model.optimizer, published=())


def within(window: tuple[int, int, int], shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The window of an average, cut to what it moves over: of a smaller clip all is averaged."""
    (t, h, w), (frames, height, width) = window, shape
    return min(t, frames), min(h, height), min(w, width)


def _parsed(model: Model, recipe: Recipe, text: str) -> dict[str, Any]:
    known, changed = _sizes(recipe), {}
    for word in text.split(","):
        name, is_named, value = word.strip().rpartition("=")
        name = name if is_named else "clip"
        if name not in known:
            advice = ", ".join(f"{each}={_printed(size)}" for each, size in known.items())
            raise UnknownNameError(f"size of {model.name} (which has {advice})", name, list(known))
        numbers = tuple(map(int, value.split("x"))) if _NUMBERS.fullmatch(value) else ()
        before = known[name]
        wanted = len(before) if isinstance(before, tuple) else 1
        if len(numbers) != wanted or not all(numbers):
            raise SizeError(
                f"{model.name}: write {name} as {_printed(before)} is written, not {value[:40]!r}"
            )
        changed[name] = numbers if isinstance(before, tuple) else numbers[0]
    return changed


def _call(recipe: Recipe, changed: Mapping[str, Any]) -> Model:
    """Compose anew, without the published figures."""
    given = {**recipe.given, **changed}
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in inspect.signature(recipe.compose).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update(given.get(name, {}))
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = given[name]
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            positional.append(given[name])
    made: Model = recipe.compose(*positional, **named)
    return replace(made, recipe=Recipe(recipe.compose, given))


def _sizes(recipe: Recipe) -> dict[str, int | tuple[int, ...]]:
    """What can be chosen otherwise: numbers and tuples of numbers, by parameter."""
    return {name: value for name, value in recipe.given.items() if _is_size(value)}


def _is_size(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(type(each) is int for each in value)
    return type(value) is int


def _printed(size: int | tuple[int, ...]) -> str:
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)
