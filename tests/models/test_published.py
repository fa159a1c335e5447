"""Every model of the catalogue: the whole against its parts, and both against published figures."""

import functools

import pytest

from reelbench import work
from reelbench.catalogue.models import models

MODELS = [pytest.param(model, id=model.name) for model in models()]
FIGURES = [
    pytest.param(model, figure, id=f"{model.name}-{figure.quantity}-{figure.figure}")
    for model in models()
    for figure in model.published
]


@functools.cache
def of_assembled(name, pass_="forward"):
    return work.of_assembled(next(m for m in models() if m.name == name), pass_)


@pytest.mark.parametrize("model", MODELS)
def test_the_assembled_model_is_the_sum_of_its_layers(model):
    whole, parts = of_assembled(model.name), work.of_parts(model)
    assert parts.parameters == whole.parameters
    assert parts.model_flops == whole.model_flops


@pytest.mark.parametrize(("model", "figure"), FIGURES)
def test_a_model_has_its_published_figures_or_says_why_not(model, figure):
    whole = of_assembled(model.name)
    ours = figure.of(whole.parameters, whole.model_flops)
    # A reason that no longer holds must go.
    assert figure.holds(ours) == (not figure.unmet), (ours, figure.value, ours / figure.value)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_states_its_source_and_a_figure_or_that_its_sizes_are_assumed(model):
    assert model.source
    assert model.published or model.assumed
