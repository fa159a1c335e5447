"""Each way to time work that is not done, planted and caught: nothing of it is ever timed."""

import pytest

from reelbench.results.read import load

PLANTED = {
    "zeros": ("constant_input", "measure(lambda x: x @ W, np.zeros((4, 32), np.float32))"),
    "ones": ("constant_input", "measure(Block(), jnp.ones((4, 32)))"),
    "compiler drops it": (
        "work_removed",
        "measure(lambda x, w: jnp.where(False, x @ w, x), X, W)",
    ),
    "dead in a call": (
        "work_removed",
        "measure(lambda x, w: jax.jit(lambda x, w: (x @ w, x))(x, w)[1], X, W)",
    ),
    "folded constants": ("work_removed", "measure(lambda x: x + jnp.matmul(W, W)[:4], X)"),
    "loop ignores its carry": (
        "work_removed",
        "measure(lambda x, w: jax.lax.fori_loop(0, 9, lambda i, c: x @ w, x), X, W)",
    ),
    "moved out of its loop": (
        "work_removed",
        "measure(lambda x, w: jax.lax.fori_loop(0, 9, lambda i, c: c + (x + 0 * i) @ w, x), X, W)",
    ),
    "dropped from its loop": (
        "work_removed",
        "measure(lambda x, w, n: jax.lax.fori_loop("
        "0, n, lambda i, c: c * 0.5 + jnp.where(i * 0 > 1, c @ w, 0), x), X, W, 9)",
    ),
    "not finite": ("not_finite", "measure(lambda x: jnp.log(x), X)"),
    "infinite": ("not_finite", "measure(lambda x: jnp.exp(100 * x), X)"),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_fails_its_test_with_advice_and_is_not_timed(project, mistake):
    outcome, call = PLANTED[mistake]
    project.write(f"""
        def test_planted(measure):
            {call}

        def test_honest(measure):
            measure(Block(), X)
    """)
    result = project.run("--reel-pass=forward")
    result.assert_outcomes(passed=1, failed=1)
    made = load(project.files()[0])
    assert [record.identity.preset for record in made.records] == ["test_mine.py::test_honest"]
    planted = next(o for o in made.reelbench.outcomes if o.outcome != "ok")
    assert planted.outcome == outcome
    assert planted.reason
    assert planted.advice


@pytest.mark.parametrize("outputs", ["slow(b)", "(x, slow(b))", "{'a': x @ W, 'b': slow(b)}"])
def test_an_output_that_is_not_waited_for_is_caught(project, outputs):
    # A call that returns before all its outputs are ready, as a timing loop without a wait does.
    conftest = (project.path / "conftest.py").read_text()
    project.pytester.makeconftest(
        conftest + "\nfrom reelbench.measure import clock\nclock.wait = lambda outputs: outputs\n"
    )
    project.write(f"""
        BIG = np.random.default_rng(2).standard_normal((700, 700)).astype(np.float32)

        def slow(big):
            return jax.lax.fori_loop(0, 60, lambda _, y: jnp.sin(y @ big), big)

        def test_planted(measure):
            measure(lambda x, b: {outputs}, X, BIG)
    """)
    result = project.run("--reel-pass=forward")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not_waited_for: * outputs, * were not ready*"])
    assert not load(project.files()[0]).records
