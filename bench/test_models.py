"""Whole training steps of models, and the layers and optimizers that they are made of.

``pytest --benchmark-only bench/test_models.py`` measures those of `small`; with ``--reel-case
MODEL`` it measures that model instead, also at another size: ``--reel-case r3d_18@4x112x112``.
"""

import pytest

from reelbench.catalogue.models.steps import asked, layers_of, steps_of

# They take longer than all layers of the catalogue together.
pytestmark = pytest.mark.reel_named


def pytest_generate_tests(metafunc):
    models = asked(metafunc.config.getoption("reel_case"))
    for name, rows in (("preset", layers_of(models)), ("step", steps_of(models))):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, rows, ids=[row.name for row in rows])


def test_layer(measure, preset):
    measure(preset)


def test_step(measure, step):
    measure(step)
