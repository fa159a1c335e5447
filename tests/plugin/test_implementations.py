"""Other implementations through the whole run: chosen, verified, timed, recorded, shown."""

from reelbench.cli import main
from reelbench.results.outcome import Outcome
from reelbench.results.read import load

DEPTHWISE = """
    class Depthwise(nnx.Module):
        def __init__(self):
            self.conv = nnx.Conv(64, 64, (3, 3, 3), feature_group_count=64, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return self.conv(x)

    V = np.random.default_rng(0).standard_normal((1, 4, 12, 12, 64)).astype(np.float32)

    def test_depthwise(measure):
        measure(Depthwise(), V)
"""


def ways(file):
    return {
        (record.identity.pass_, record.identity.implementation): record
        for record in load(file).records
    }


def test_a_users_layer_is_measured_as_written_and_in_the_fastest_way_known(project, capsys):
    project.write(DEPTHWISE)
    result = project.run("--reel-implementation=reference,best", "--reel-pass=forward")
    result.assert_outcomes(passed=2)
    (file,) = project.files()
    found = ways(file)
    assert set(found) == {("forward", "reference"), ("forward", "shifts")}
    plain, best = found["forward", "reference"], found["forward", "shifts"]
    assert plain.work.model_flops == best.work.model_flops
    assert plain.version == best.version
    assert [each.implementation for each in best.operations] == ["shifts"]
    assert plain.operations == []
    result.stdout.fnmatch_lines(
        ["*test_depthwise forward shifts *", "*  compute *×", "*plain form loses most in*"]
    )
    assert max(len(line) for line in result.outlines if " forward " in line) <= 100
    assert main(["show", str(file), f"{best.identity.preset}/forward"]) == 0
    assert "1×4×12×12×64 by 3×3×3×1×64 float32: shifts" in capsys.readouterr().out.replace("\n", "")


def test_further_processes_measure_what_the_first_one_chose(project):
    project.write(DEPTHWISE)
    options = "--reel-implementation=best", "--reel-pass=forward", "--reel-runs=2"
    project.run(*options).assert_outcomes(passed=1)
    (file,) = project.files()
    (record,) = load(file).records
    assert record.identity.implementation == "shifts"
    assert len(record.timing.replicates) == 2


def test_a_layer_without_another_way_leaves_no_trace_of_best(project):
    project.write("def test_block(measure):\n        measure(Block(), X)")
    project.run("--reel-implementation=reference,best").assert_outcomes(passed=2, skipped=2)
    (file,) = project.files()
    assert {key[1] for key in ways(file)} == {"reference"}
    assert len(load(file).reelbench.outcomes) == 2


def test_one_implementation_can_be_asked_for_by_name(project):
    project.write(DEPTHWISE)
    project.run("--reel-implementation=shifts", "--reel-pass=train").assert_outcomes(passed=1)
    assert set(ways(project.files()[0])) == {("train", "shifts")}


def test_an_unknown_implementation_is_one_line(project):
    project.write(DEPTHWISE)
    result = project.run("--reel-implementation=shift")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*--reel-implementation: unknown 'shift'; did you mean 'shifts'?*"]
    )


WRONG = """
import jax.numpy as jnp
from reelbench.implementations import registry

# As fast as can be, and nothing but zeros.
registry.register(registry.Implementation(
    "zeros", "convolution", lambda operation: True,
    lambda operation, _: lambda x, kernel: jnp.zeros_like(x), registry.alone, digits_lost=1,
))
"""
ALONE = """
for each in registry.implementations("convolution"):
    if each.name != "zeros":
        del registry._ALL[each.kind, each.name]
"""


def test_what_disagrees_as_a_whole_is_given_up_for_the_next_fastest(project):
    project.configure(WRONG)
    project.write(DEPTHWISE)
    options = "--reel-implementation=best,fastest", "--reel-pass=forward"
    project.run(*options).assert_outcomes(passed=2)
    records = load(project.files()[0]).records
    assert {record.identity.implementation for record in records} == {"shifts"}
    for record in records:
        assert [each.implementation for each in record.operations] == ["shifts"]
        assert any("zeros" in warning for warning in record.warnings)


def test_an_implementation_that_was_asked_for_by_name_is_not_given_up(project):
    project.configure(WRONG)
    project.write(DEPTHWISE)
    result = project.run("--reel-implementation=zeros", "--reel-pass=forward")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*disagrees_with_reference*"])


def test_where_nothing_else_agrees_the_layer_is_measured_as_it_is_written(project):
    project.configure(WRONG + ALONE)
    project.write(DEPTHWISE)
    options = "--reel-implementation=best,fastest", "--reel-pass=forward"
    result = project.run(*options)
    result.assert_outcomes(passed=1, skipped=1)
    made = load(project.files()[0])
    assert [record.identity.implementation for record in made.records] == ["reference"]
    assert any("zeros" in warning for warning in made.records[0].warnings)
    (skipped,) = [
        each for each in made.reelbench.outcomes if each.outcome is Outcome.REFERENCE_IS_BEST
    ]
    assert "zeros" in skipped.reason
