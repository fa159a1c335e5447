import json
import os

import pytest

from capacity.scenarios import BASE, figure, text
from reelbench.capacity.presets import preset, presets
from reelbench.cli import main


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(BASE)


def printed(capsys, *words, code=0):
    assert main(["plan", *words]) == code
    said = capsys.readouterr()
    return said.out if code == 0 else said.err


@pytest.mark.usefixtures("scenario")
def test_the_answer_comes_first_then_what_limits_it(capsys):
    lines = printed(capsys, "plan.toml", "--draws", "1000").splitlines()
    first = [line.split()[0] for line in lines[3:8]]
    assert first == ["devices", "time", "device-hours", "energy", "cost"]
    text = "\n".join(lines)
    assert text.index("bottleneck") < text.index("What the uncertainty comes from")
    assert "Next measurement: model.throughput" in text
    assert "Variance of time by kind: published" in " ".join(text.split())
    assert "the planner's choice" in text


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_planned_within_a_hundred_columns(name, capsys, pytestconfig):
    run = pytestconfig.rootpath / "results/epyc-2c-24g-b0e23118/20261123T201106Z-18ae5ff.json"
    rates = ("--rates", str(run)) if name == "measured-layers" else ()
    out = printed(capsys, "--preset", name, "--draws", "400", *rates)
    assert "bottleneck" in out
    assert max(map(len, out.splitlines())) <= 100
    assert printed(capsys, "--preset", name, "--show").encode() == preset(name)


@pytest.mark.usefixtures("scenario")
def test_json_and_csv_carry_numbers_in_base_units(capsys):
    tables = json.loads(printed(capsys, "plan.toml", "--draws", "400", "--format", "json"))[
        "tables"
    ]
    answer = {row["quantity"]: row for row in tables[0]["rows"]}
    assert answer["devices"]["median"] == 64
    assert answer["time_s"]["low"] < answer["time_s"]["median"] < answer["time_s"]["high"]
    assert printed(capsys, "plan.toml", "--draws", "400", "--format", "csv").startswith("quantity,")


@pytest.mark.usefixtures("scenario")
def test_figures_are_explained(capsys):
    out = printed(capsys, "plan.toml", "--explain", "cost", "--draws", "400")
    assert "device.rent" in out
    out = printed(capsys, "plan.toml", "--explain", "model.throughput")
    assert "a paper" in out
    assert "lognormal" in out
    assert "no figure of this plan" in printed(capsys, "plan.toml", "--explain", "joy", code=2)


@pytest.mark.usefixtures("scenario")
def test_questions_the_other_way_round(capsys):
    assert "Devices for 7 days" in printed(capsys, "plan.toml", "--devices-for", "7 days")
    assert "the least time for $2000" in printed(capsys, "plan.toml", "--deadline-for", "$2000")
    words = ("--largest", "model.clips", "--budget", "$2000", "--deadline", "30 days")
    assert "the largest model.clips" in printed(capsys, "plan.toml", *words)
    assert "Nothing holds" in printed(capsys, "plan.toml", "--deadline-for", "$1")


@pytest.mark.usefixtures("scenario")
def test_sweeps_are_grids(capsys):
    words = ("--sweep", "device.count=8..64*2", "--sweep", "model.epochs=1,2", "--format", "csv")
    lines = printed(capsys, "plan.toml", *words).splitlines()
    assert len(lines) == 1 + 4 * 2
    assert lines[0].startswith("device.count,model.epochs,devices,")


@pytest.mark.usefixtures("scenario")
def test_the_same_seed_gives_the_same_answer(capsys):
    one = printed(capsys, "plan.toml", "--draws", "500", "--seed", "7")
    assert one == printed(capsys, "plan.toml", "--draws", "500", "--seed", "7")
    assert one != printed(capsys, "plan.toml", "--draws", "500", "--seed", "8")


def test_the_schema_is_json_and_knows_every_table(capsys):
    schema = json.loads(printed(capsys, "--schema"))
    text = json.dumps(schema)
    for word in ("fleet", "corpus", "reliability", "site_cap", "lognormal"):
        assert word in text


def test_without_a_scenario_the_presets_are_listed(capsys):
    out = printed(capsys)
    assert all(name in out for name in presets())


@pytest.mark.usefixtures("scenario")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nowhere.toml"], "nowhere.toml: cannot be read"),
        (["--preset", "nothing"], "nothing"),
        (["plan.toml", "--preset", "fleet-video"], "not both"),
        (["plan.toml", "--rates", "nowhere.json"], "nowhere.json: cannot be read"),
        (["plan.toml", "--set", "device.count"], "write FIELD=VALUE"),
        (["plan.toml", "--set", "device.cuont=3"], "did you mean count?"),
        (["plan.toml", "--set", "device.count=-3"], "not above zero"),
        (["plan.toml", "--sweep", "device.count"], "is no sweep"),
        (["plan.toml", "--sweep", "device.colour=1"], "cannot be swept"),
        (["plan.toml", "--sweep", "device.count=1 GB"], "is in B"),
        (["plan.toml", "--sweep", "device.count=1..9*1"], "factor"),
        (["plan.toml", "--devices-for", "$5"], "is in $"),
        (["plan.toml", "--deadline-for", "5 days"], "is in s"),
        (["plan.toml", "--largest", "model.clips"], "needs a budget"),
        (["plan.toml", "--draws", "3"], "between 100"),
        (["plan.toml", "--seed", "-3"], "0 or more"),
        (["plan.toml", "--confidence", "120%"], "is no share"),
        (["."], "Is a directory"),
        (["/dev/null"], "is no regular file"),
    ],
)
def test_wrong_words_are_one_line(words, problem, capsys):
    line = printed(capsys, *words, code=2)
    assert problem in line
    assert line.startswith("reelbench: ")
    assert line.count("\n") == 1


def test_hostile_files_are_one_line(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    files = {
        "large.toml": b"# " + b"x" * 10 * 2**20,
        "deep.toml": b"a = " + b"[" * 100_000,
        "escape.toml": b'title = "\x1b[2J"',
        "name.toml": text(title='"\\u001b]0;x"').encode(),
        "binary.toml": bytes(range(256)),
        "unit.toml": text(clips=figure("5 \\u001b clips")).encode(),
        "nan.toml": text(count="nan").encode(),
        "pipe": None,
    }
    for name, data in files.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        assert main(["plan", str(tmp_path / name)]) == 2, name
        line = capsys.readouterr().err
        assert line.count("\n") == 1, name
        assert line.rstrip("\n").isprintable(), name
        assert "internal error" not in line, name


def test_back_tests_are_shown_with_their_misses(capsys):
    assert main(["validate", "capacity"]) == 0
    out = capsys.readouterr().out
    assert "off 50 %" in out
    assert "published answers lie in the 90 % interval" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 100
    assert main(["validate", "everything"]) == 2
