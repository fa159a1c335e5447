"""Compile times are cold whatever cache a user has; a run's own cache serves the same program."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reelbench.machine import libraries
from reelbench.measure import build, cache, compiling, protocol
from reelbench.measure.failure import CaseFailure

X = np.random.default_rng(0).standard_normal((8, 16)).astype(np.float32)
SETTINGS = (
    "jax_enable_compilation_cache",
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
    "jax_persistent_cache_enable_xla_caches",
)


def workload(power=2):
    def layer(x):
        return jnp.tanh(x @ x.T) ** power @ x

    return build.from_user(layer, (X,), name="layer", pass_="forward", clips=8.0)


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def users(tmp_path):
    """A cache of the user's that has the workload's program."""
    folder = tmp_path / "users"
    with cache.only(folder):
        compiling.trace(workload()).stage.lower().compile()
    assert files(folder)
    with cache.only(folder) as use:
        compiling.trace(workload()).stage.lower().compile()
        assert use.hits == 1
        yield folder


def test_a_user_s_cache_serves_no_compilation_that_is_timed(users):
    before = files(users)
    compiled = compiling.compile_(compiling.trace(workload()))
    assert not compiled.compilation.persistent_cache
    assert files(users) == before


def test_the_user_s_cache_is_in_force_again_afterwards(users, tmp_path):
    compiling.compile_(compiling.trace(workload()), tmp_path / "ours")
    before = files(users)
    jax.jit(lambda x: jnp.cos(x) * 3)(X)
    assert len(files(users)) > len(before)


def test_every_setting_is_as_it_was_also_after_an_error(tmp_path):
    before = [getattr(jax.config, name) for name in SETTINGS]
    with pytest.raises(ZeroDivisionError), cache.only(tmp_path):
        raise ZeroDivisionError
    assert [getattr(jax.config, name) for name in SETTINGS] == before


def test_a_kept_program_is_loaded_and_computes_the_same(tmp_path):
    place = cache.Place.of(tmp_path, "case")
    compiled, call = protocol.prepare(compiling.trace(workload()), place)
    assert not compiled.compilation.persistent_cache
    again, loaded = protocol.prepare_again(workload(), compiled.compilation.program_sha256, place)
    assert loaded
    for ours, theirs in zip(jax.tree.leaves(again()), jax.tree.leaves(call()), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_first_process_compiles_anew_even_where_a_program_was_kept(tmp_path):
    place = cache.Place.of(tmp_path, "case")
    for _ in range(2):
        compiled, _ = protocol.prepare(compiling.trace(workload()), place)
        assert not compiled.compilation.persistent_cache


def called_back(x):
    """What older versions of JAX cannot keep."""
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(lambda x: np.asarray(x) + 1, shape, x) @ x.T


def convolved(x):
    """What no version can keep where a library computes it."""
    image, kernel = x[None, :, :, None], jnp.ones((3, 3, 1, 16), x.dtype)
    return jax.lax.conv_general_dilated(
        image, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@pytest.mark.parametrize("library", ["", *libraries.available()])
def test_a_program_that_cannot_be_kept_is_compiled_again(tmp_path, library):
    function = convolved if library else called_back

    def made():
        plain = build.from_user(function, (X,), name="layer", pass_="forward", clips=8.0)
        return dataclasses.replace(plain, library=library)

    place = cache.Place.of(tmp_path, "case")
    compiled, _ = protocol.prepare(compiling.trace(made()), place)
    kept = place.program.is_dir() and any(place.program.iterdir())
    _, loaded = protocol.prepare_again(made(), compiled.compilation.program_sha256, place)
    assert loaded == kept


def test_a_program_that_calls_a_library_is_not_even_offered(tmp_path, monkeypatch):
    monkeypatch.setattr(libraries, "options", lambda _: {})
    place = cache.Place.of(tmp_path, "case")
    compiled, _ = protocol.prepare(
        compiling.trace(dataclasses.replace(workload(), library="any")), place
    )
    assert not files(place.program)
    again = dataclasses.replace(workload(), library="any")
    _, loaded = protocol.prepare_again(again, compiled.compilation.program_sha256, place)
    assert not loaded
    # The same program without a library is.
    protocol.prepare(compiling.trace(workload()), place)
    assert files(place.program)


def test_another_program_is_refused(tmp_path):
    place = cache.Place.of(tmp_path, "case")
    compiled, _ = protocol.prepare(compiling.trace(workload()), place)
    with pytest.raises(CaseFailure, match="not that of the first process"):
        protocol.prepare_again(workload(power=3), compiled.compilation.program_sha256, place)


def test_cases_have_places_of_their_own(tmp_path):
    one, other = (cache.Place.of(tmp_path, name) for name in ("a[x]", "a[y]"))
    assert one.program != other.program
    assert one.inputs == other.inputs
