"""Whole training steps under pytest, and the layers that they are made of."""

from pathlib import Path

import pytest

from reelbench.results.read import load

BENCH = Path(__file__).parents[2] / "bench" / "test_models.py"
MODEL = "videomae-s@2x32x32,depth=1"


@pytest.fixture
def models(project):
    project.pytester.makepyfile(test_models=BENCH.read_text())
    return project


def collected(models, *options):
    result = models.pytester.runpytest_subprocess(
        "--benchmark-only", "--collect-only", "-q", *options
    )
    return [line for line in result.outlines if "::" in line]


def test_a_model_is_measured_whole_and_by_its_layers(models):
    names = collected(models, "test_models.py", "--reel-case", MODEL)
    steps = [name for name in names if "test_step" in name]
    assert len(steps) == 2  # with and without rematerialisation
    assert all(MODEL in name for name in steps)
    layers = {name for name in names if "test_layer" in name}
    assert any("JointAttentionBlock-" in name for name in layers)
    assert any("vit-b-adamw-forward" in name for name in layers)
    assert not any("sgd" in name for name in names)


def test_passes_choose_among_steps_and_layers(models):
    names = collected(models, "test_models.py", "--reel-case", MODEL, "--reel-pass", "step")
    assert len(names) == 1


def test_models_wait_until_they_are_named(models):
    models.pytester.makeini("[pytest]\nreel_benchpaths = .\n")
    assert not collected(models)
    assert len(collected(models, "--reel-case", MODEL, "--reel-pass", "step")) == 1


@pytest.mark.parametrize(
    ("name", "says"), [("r3d_81@1x1x1", "r3d_18"), ("r3d_18@1x2", "16x112x112")]
)
def test_a_model_that_cannot_be_is_one_line(models, name, says):
    result = models.pytester.runpytest_subprocess(
        "--benchmark-only", "test_models.py", "--reel-case", name
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert says in result.stderr.str()


def test_a_measured_step_says_what_it_is(models):
    models.run("test_models.py", "--reel-case", MODEL, "--reel-pass", "step")
    (path,) = models.files()
    (record,) = load(path).records
    assert (record.identity.family, record.identity.pass_) == ("models", "step")
    assert record.identity.preset == MODEL
    assert record.memory.needed_bytes > 4 * 4 * record.work.parameters
    assert record.work.model_flops > 0


def test_steps_come_after_the_layers_that_they_are_made_of(project):
    # In the file they come first.
    head, _, _ = BENCH.read_text().partition("def test_layer")
    step = "def test_step(measure, step):\n    measure(step)\n\n\n"
    layer = "def test_layer(measure, preset):\n    measure(preset)\n"
    project.pytester.makepyfile(test_models=head + step + layer)
    result = project.pytester.runpytest_subprocess(
        "--benchmark-only", "--reel-case", MODEL, "--reel-budget", "1s", "-v", "test_models.py"
    )
    names = [line for line in result.outlines if line.startswith("test_models.py::")]
    first = min(place for place, name in enumerate(names) if "test_step" in name)
    assert first > 0
    assert all("test_step" in name for name in names[first:])
