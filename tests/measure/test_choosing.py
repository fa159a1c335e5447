import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from reelbench.implementations import REFERENCE, Limits, implementations
from reelbench.measure import build, choosing, compiling, protocol, trying
from reelbench.measure.failure import CaseFailure
from reelbench.measure.remembered import Remembered
from reelbench.measure.trying import Way
from reelbench.results.outcome import Outcome

X = jax.random.normal(jax.random.key(0), (1, 3, 6, 7, 4))


class Block(nnx.Module):
    """A dense convolution, a depthwise one, and one of a point."""

    def __init__(self):
        self.dense = nnx.Conv(4, 8, (3, 3, 3), rngs=nnx.Rngs(0))
        self.norm = nnx.BatchNorm(8, rngs=nnx.Rngs(1))
        self.alone = nnx.Conv(8, 8, (3, 3, 3), feature_group_count=8, rngs=nnx.Rngs(2))

    def __call__(self, x):
        return self.alone(nnx.relu(self.norm(self.dense(x))))


def workload(pass_="train", module=None):
    return build.from_user(module or Block(), (X,), name="block", pass_=pass_, clips=1.0)


@pytest.fixture
def remembered(tmp_path):
    return Remembered("m", {"jaxlib": "1"}, tmp_path)


@pytest.fixture
def timed(monkeypatch):
    """Which times are found, by what stands in the name; and how often it was looked."""
    times, looked = {"patches": 2.0, "shifts": 1.0, REFERENCE: 3.0}, []

    def given(functions, operation, pass_, *, in_loop, end):
        looked.extend(functions)
        return {
            name: next((s for word, s in times.items() if name.startswith(word)), 9.0)
            for name in functions
        }

    monkeypatch.setattr(choosing, "time_in_turns", given)
    return times, looked


def choose(made, remembered, seconds=60.0, **options):
    return choosing.choose(made, Limits(2**12), remembered, seconds, **options)


def test_the_fastest_of_each_operation_is_chosen_and_told(timed, remembered):
    choice = choose(workload(), remembered)
    assert choice.name == "patches+shifts"
    assert [each.implementation.split("-")[0] for each in choice.operations] == [
        "patches",
        "shifts",
    ]
    assert choice.operations[0].seconds[REFERENCE] == 3.0
    assert choice.cut_short == 0


def test_what_is_hardly_faster_is_not_chosen(timed, remembered):
    timed[0].update({REFERENCE: 1.01})
    choice = choose(workload(), remembered)
    assert not choice.chosen
    with pytest.raises(CaseFailure) as caught:
        choosing.with_choice(workload(), choice)
    assert caught.value.outcome is Outcome.REFERENCE_IS_BEST


def test_what_was_found_is_remembered_and_not_looked_for_again(timed, remembered, tmp_path):
    first = choose(workload(), remembered)
    looked = len(timed[1])
    again = choose(workload(), Remembered("m", {"jaxlib": "1"}, tmp_path))
    assert again.name == first.name
    assert len(timed[1]) == looked
    choose(workload("forward"), remembered)
    assert len(timed[1]) > looked  # another pass is another question


@pytest.mark.parametrize(("machine", "jaxlib"), [("m", "2"), ("other", "1")])
def test_other_software_and_machines_find_for_themselves(
    timed, remembered, tmp_path, machine, jaxlib
):
    choose(workload(), remembered)
    looked = len(timed[1])
    choose(workload(), Remembered(machine, {"jaxlib": jaxlib}, tmp_path))
    assert len(timed[1]) == 2 * looked


def test_without_time_nothing_is_tried_and_nothing_chosen(timed, remembered):
    choice = choose(workload(), remembered, seconds=0.0)
    assert not choice.chosen
    assert not timed[1]
    assert choice.cut_short == 2
    with pytest.raises(CaseFailure, match="before time was up"):
        choosing.with_choice(workload(), choice)


def test_one_implementation_can_be_wanted_faster_or_not(timed, remembered):
    timed[0].update({REFERENCE: 0.1})
    choice = choose(workload(), remembered, only="shifts")
    assert choice.name == "shifts"
    assert len(choice.operations) == 1


def test_a_failure_is_never_chosen(timed, remembered, tmp_path):
    timed[0].update({"patches": float("inf"), "shifts": float("inf"), "winograd": float("inf"),
                     "folded": float("inf")})  # fmt: skip
    assert not choose(workload(), remembered).chosen
    assert not choose(workload(), Remembered("m", {"jaxlib": "1"}, tmp_path)).chosen


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1}', b"\xff\x00"])
def test_a_damaged_memory_is_passed_over(content, timed, tmp_path):
    (tmp_path / "m.json").write_bytes(content)
    assert choose(workload(), Remembered("m", {}, tmp_path)).chosen


def test_a_layer_without_other_ways_says_so(remembered):
    made = workload(module=nnx.Linear(4, 4, rngs=nnx.Rngs(0)))
    with pytest.raises(choosing.NoOtherWayError):
        choosing.with_choice(made, choose(made, remembered))


@pytest.mark.parametrize("pass_", ["forward", "train"])
def test_the_chosen_layer_is_verified_and_counts_the_flops_of_the_plain_one(
    pass_, timed, remembered
):
    plain = workload(pass_)
    chosen = choosing.with_choice(plain, choose(plain, remembered))
    assert chosen.identity.implementation == "patches+shifts"
    assert chosen.version == plain.version
    traced = [compiling.trace(each) for each in (plain, chosen)]
    assert traced[0].model_flops == traced[1].model_flops > 0
    assert traced[0].kept_bytes == traced[1].kept_bytes
    programs = [protocol.prepare(each)[0].compilation.program_sha256 for each in traced]
    assert programs[0] != programs[1]


def test_another_process_makes_the_same_program_of_what_was_told(timed, remembered):
    plain = workload()
    choice = choose(plain, remembered)
    first = compiling.trace(choosing.with_choice(plain, choice))
    again = compiling.trace(choosing.again(workload(), choice.operations, Limits(2**12)))
    assert first.stage.lower().as_text() == again.stage.lower().as_text()


def test_what_another_process_chose_and_nobody_knows_here_is_a_failure(timed, remembered):
    choice = choose(workload(), remembered)
    told = [
        type(each)(**{**_fields(each), "implementation": "magic"}) for each in choice.operations
    ]
    with pytest.raises(CaseFailure) as caught:
        choosing.again(workload(), told, Limits(2**12))
    assert caught.value.outcome is Outcome.UNSUPPORTED_HERE


def _fields(each):
    return {name: getattr(each, name) for name in each.__struct_fields__}


@pytest.mark.parametrize("pass_", ["forward", "train"])
def test_a_wrong_implementation_is_found_out_and_never_timed(pass_, timed, remembered, monkeypatch):
    wrong = next(each for each in implementations("convolution") if each.name == "shifts")
    right = wrong.make
    monkeypatch.setitem(
        wrong.__dict__, "make",
        lambda operation, settings: lambda x, k: 1.01 * right(operation, settings)(x, k),
    )  # fmt: skip
    plain = workload(pass_)
    traced = compiling.trace(choosing.with_choice(plain, choose(plain, remembered)))
    with pytest.raises(CaseFailure) as caught:
        protocol.prepare(traced)
    assert caught.value.outcome is Outcome.DISAGREES_WITH_REFERENCE


@pytest.fixture
def with_library(monkeypatch):
    """The library is fastest for the depthwise convolution, and close behind for the dense one."""

    def given(among, operation, pass_, *, in_loop, end):
        ours = 1.0 if operation.details.groups > 1 else 2.1
        times = {"onednn": ours, REFERENCE: 2.0}
        return {name: times.get(name.partition("-")[0], 9.0) for name in among}

    monkeypatch.setattr(choosing, "time_in_turns", given)
    return Limits(2**12, libraries=("onednn",))


def test_a_library_is_handed_all_of_a_program_or_nothing(with_library, remembered):
    choice = choosing.choose(workload(), with_library, remembered, 60.0)
    assert choice.library == choice.name == "onednn"
    assert {each.implementation.split("-")[0] for each in choice.operations} == {"onednn"}
    made = choosing.with_choice(workload(), choice)
    assert (made.library, made.identity.implementation) == ("onednn", "onednn")
    again = choosing.again(workload(), choice.operations, with_library)
    assert again.library == "onednn"
    plain = choosing.choose(workload(), Limits(2**12), remembered, 60.0)
    assert not plain.library


def test_what_a_library_makes_faster_without_being_made_for_it_is_tried_with_it(
    with_library, monkeypatch, remembered
):
    def given(among, operation, pass_, *, in_loop, end):
        return {name: 1.0 if "@" in name else 2.0 for name in among}

    monkeypatch.setattr(choosing, "time_in_turns", given)
    choice = choosing.choose(workload(), with_library, remembered, 60.0)
    assert choice.library == "onednn"
    assert all(each.implementation.endswith("@onednn") for each in choice.operations)
    assert "onednn" in choice.name.split("+")
    again = choosing.again(workload(), choice.operations, with_library)
    assert (again.library, again.identity.implementation) == ("onednn", choice.name)
    with pytest.raises(CaseFailure, match="is not known here"):
        choosing.again(workload(), choice.operations, Limits(2**12))


def test_variants_that_differ_in_gradients_alone_are_one_in_the_forward_pass(with_library):
    (dense, _) = choosing.operations_of(workload())
    names = {
        pass_: [
            each.name for each in choosing._candidates(dense, with_library, pass_, only="onednn")
        ]
        for pass_ in ("forward", "train")
    }
    assert len(names["forward"]) == 1 < len(names["train"])


def test_what_a_library_is_allowed_to_do_is_part_of_what_a_program_is(remembered):
    made = workload("forward")
    programs = [
        compiling.compile_(compiling.trace(dataclasses.replace(made, library=library)))
        for library in ("", "onednn")
    ]
    assert len({each.compilation.program_sha256 for each in programs}) == 2


def test_real_times_are_taken_in_both_passes():
    (dense, alone) = choosing.operations_of(workload())
    for operation in (dense, alone):
        for pass_ in ("forward", "train"):
            ways = choosing._ways(
                operation, choosing.candidates(operation, Limits()), pass_, with_plain=True
            )
            times = choosing.time_in_turns(ways, operation, pass_)
            assert list(times) == list(ways)
            assert all(0 < each < 10 for each in times.values()), times


class Recurrent(nnx.Module):
    """A convolution of every frame, and one of what the frames before left."""

    def __init__(self):
        self.before = nnx.Conv(4, 8, (3, 3), rngs=nnx.Rngs(0))
        self.state = nnx.Conv(8, 8, (3, 3), rngs=nnx.Rngs(1))

    def __call__(self, x):
        def turn(state, seen):
            state = jnp.tanh(seen + self.state(state))
            return state, state

        seen = jnp.moveaxis(self.before(x), 1, 0)
        return jax.lax.scan(turn, jnp.zeros_like(seen[0]), seen)[1]


def test_an_operation_in_a_loop_is_timed_in_a_loop_and_remembered_apart(timed, remembered):
    made = workload(module=Recurrent())
    assert list(choosing.operations_of(made).values()) == [False, True]
    choice = choose(made, remembered)
    before, state = (each.key for each in choice.operations)
    assert remembered.of(before, "train")
    assert not remembered.of(before, "train-in-loop")
    assert remembered.of(state, "train-in-loop")
    assert not remembered.of(state, "train")


@pytest.mark.parametrize("pass_", ["forward", "train"])
def test_what_is_timed_in_a_loop_is_computed_at_every_turn(pass_, monkeypatch):
    (_, state) = choosing.operations_of(workload(module=Recurrent()))
    counted = []

    def count(x, kernel):
        jax.debug.callback(lambda _: counted.append(1), x[0, 0, 0, 0])
        return choosing.plain(state)(x, kernel)

    monkeypatch.setattr(trying, "_CALLS", 1)
    assert trying.time_in_turns({"count": Way(count)}, state, pass_, in_loop=True)["count"] < 10
    jax.effects_barrier()
    # One call before the one that is timed.
    assert len(counted) == 2 * trying._TURNS


def test_what_fails_is_left_out_of_the_turns_and_what_time_is_up_for_is_not_tried():
    (dense, _) = choosing.operations_of(workload())

    def fails(*_):
        raise ValueError("too large")

    ways = {"fails": Way(fails), "plain": Way(choosing.plain(dense))}
    times = trying.time_in_turns(ways, dense, "train")
    assert times["fails"] == float("inf")
    assert 0 < times["plain"] < 10
    assert trying.time_in_turns(ways, dense, "train", end=0.0) == {}


def test_one_minute_slower_than_the_next_meets_all_contenders(monkeypatch):
    # Alone one after the other, the first would have met the slow calls and lost.
    (dense, _) = choosing.operations_of(workload())
    made = []

    def call(name):
        def run():
            made.append(name)
            return {"better": 1.0, "worse": 1.5}[name] * (3 if len(made) <= 8 else 1)

        return run

    names = iter(["better", "worse"])
    monkeypatch.setattr(trying, "_call", lambda *_, **__: call(next(names)))
    monkeypatch.setattr(trying, "_CALLS_S", 60.0)
    times = trying.time_in_turns(dict.fromkeys(["better", "worse"]), dense, "train")
    assert times == {"better": 1.0, "worse": 1.5}


def test_numbers_of_the_operands_are_random():
    (dense, _) = choosing.operations_of(workload())
    for operand in trying._operands(dense):
        assert len(np.unique(np.asarray(operand))) > operand.size // 2
