"""Every model of the catalogue: the whole against its parts, and both against published figures."""

import pytest

from reelbench import work
from reelbench.catalogue.models import models

MODELS = [pytest.param(model, id=model.name) for model in models()]


# One test for both: tracing the whole takes seconds.
@pytest.mark.parametrize("model", MODELS)
def test_the_assembled_model_is_the_sum_of_its_layers_and_has_its_published_figures(model):
    whole, parts = work.of_assembled(model, "forward"), work.of_parts(model)
    assert parts.parameters == whole.parameters
    assert parts.model_flops == whole.model_flops
    for figure in model.published:
        ours = figure.of(whole.parameters, whole.model_flops)
        # A reason that no longer holds must go.
        assert figure.holds(ours) == (not figure.unmet), (figure, ours, ours / figure.value)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_states_its_source_and_a_figure_or_that_its_sizes_are_assumed(model):
    assert model.source
    assert model.published or model.assumed
