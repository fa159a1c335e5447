"""Of far more cases than the time can come to, the first are measured and the rest written down."""

from reelbench.results.read import load

MANY = """
    @pytest.mark.parametrize("number", range(400))
    def test_many(measure, number):
        measure(Block(), X)
"""


def test_cases_out_of_reach_are_in_the_file_without_being_run(project):
    project.write(MANY)
    result = project.run("--reel-pass=forward", "--reel-budget=25s")
    result.stdout.no_fnmatch_line("*cases are missing*")
    made = load(project.files()[0])
    outcomes = [each.outcome for each in made.reelbench.outcomes]
    assert len(outcomes) == 400
    assert set(outcomes) == {"ok", "over_budget"}
    counts = result.parseoutcomes()
    run = counts.get("passed", 0) + counts.get("skipped", 0)
    assert run < 400
    assert outcomes.count("over_budget") >= 400 - run
    result.stdout.fnmatch_lines(["*over budget*", "*next: reelbench show*"])


def test_the_first_batch_of_every_layer_comes_before_the_second_of_any(project):
    project.write("""
        from reelbench.catalogue import Input, Preset

        def preset(name):
            return Preset("Conv3D", name, clip=(2, 4, 4), inputs={"x": Input((2, 4, 4, 3))},
                          options={"in_features": 3, "out_features": 5}, source="test",
                          family="convolution")

        @pytest.mark.parametrize("preset", [preset("one"), preset("other")], ids=lambda p: p.name)
        def test_layer(measure, preset):
            measure(preset)
    """)
    project.run("--reel-pass=forward", "--reel-batch=1,2", "--reel-budget=60s")
    records = sorted(
        (record for record in load(project.files()[0]).records),
        key=lambda record: record.timing.replicates[0].order,
    )
    assert [record.identity.batch for record in records] == [1, 1, 2, 2]
