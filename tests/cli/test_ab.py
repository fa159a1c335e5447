import math
from pathlib import Path

import msgspec
import pytest

from reelbench.cli import main
from reelbench.results import pairs as files
from reelbench.results.pairs import Block, Compared, ComparedSide, Pair, PairedRun


def compared(name, estimate, half, verdict, more=None):
    block = Block(
        first="a",
        a_s=[1e-3, 1e-3],
        b_s=[1e-3 * math.exp(estimate)] * 2,
        a_median_s=[1e-3, 1e-3],
        b_median_s=[1e-3] * 2,
    )
    pairs = [Pair(pair=n, started="a", rounds=5, iterations=1, blocks=[block]) for n in range(6)]
    return Compared(
        a_name=name,
        b_name=name,
        pairs=pairs,
        verdict=verdict,
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        confidence=0.9925,
        spread=half,
        more_pairs=more,
    )


SLOWER = compared("slow case", 0.05, 0.01, "slower")
SAME = compared("same case", 0.001, 0.004, "unchanged")
OPEN = compared("open case", 0.01, 0.04, "undecided", 14)


@pytest.fixture
def saved(tmp_path):
    def write(*cases, name="x.json"):
        run = PairedRun(
            version="0",
            created_utc="2026-01-01T00:00:00+00:00",
            machine_id="m",
            facts={},
            a=ComparedSide(words="here", facts={}),
            b=ComparedSide(words="XLA_FLAGS=1", facts={}),
            threshold=0.01,
            largest_pairs=12,
            seconds=60.0,
            cases=list(cases),
        )
        path = tmp_path / name
        path.write_bytes(files.encode(run))
        return str(path)

    return write


@pytest.mark.parametrize(
    ("cases", "code"),
    [((SAME,), 0), ((SAME, SLOWER), 1), ((SAME, OPEN), 3), ((OPEN, SLOWER), 1)],
)
def test_the_gate(saved, cases, code):
    assert main(["ab", "--from", saved(*cases), "--fail-slower", "3%"]) == code
    assert main(["ab", "--from", saved(*cases, name="y.json")]) == 0  # without it, only words


def test_a_slowdown_below_the_gate_passes_only_if_it_is_shown_to_be(saved):
    assert main(["ab", "--from", saved(SLOWER), "--fail-slower", "10%"]) == 0
    assert main(["ab", "--from", saved(SLOWER, name="y.json"), "--fail-slower", "5.5%"]) == 3


def test_a_verdict_each_and_what_would_decide(saved, capsys):
    main(["ab", "--from", saved(SAME, SLOWER, OPEN)])
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100
    assert "1 slower, 1 unchanged, 1 undecided" in text
    assert "undecided (+14)" in text
    assert "±1.0 %" in text


def test_several_files_are_counted(saved, capsys):
    paths = saved(SAME, SLOWER, name="one.json"), saved(SAME, OPEN, name="two.json")
    assert main(["ab", "--from", *paths, "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "all 2,0,1,2,1,0,120.0"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "two sides"),
        (["here", "here"], "--case"),
        (["here", "here", "--case", "r3d-layer1", "--pairs", "5"], "--pairs 5"),
        (["here", "here", "--case", "r3d-layr1"], "r3d-layer1"),
        (["here", "here", "--case", "r3d-layer1", "--threshold", "none"], "3%"),
        (["here", "here", "--case", "r3d-layer1", "--pass", "tarin"], "train"),
        (["here", "nowhere", "--case", "r3d-layer1"], "nowhere"),
        (["here", "python=/no/such", "--case", "r3d-layer1"], "no interpreter"),
        (["here", "here", "--case", "r3d-layer1", "--test", "test_x.py"], "not both"),
        (["here", "case=r3d-layer1"], "unlike cases"),
        (["here", "here", "--case", "r3d-layer1", "--dtype", "int8"], "float32"),
        (["here", "here", "--case", "r3d-layer1", "--budget", "soon"], "soon"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["ab", *words]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1


def test_hostile_files_are_refused(saved, tmp_path, capsys):
    good = msgspec.json.decode(Path(saved(SAME)).read_bytes())
    spoiled = {
        "verdict": lambda d: d["cases"][0].update(verdict="great"),
        "a_s": lambda d: d["cases"][0]["pairs"][0]["blocks"][0].update(a_s=[0.0, 1.0]),
        "schema": lambda d: d.update(schema=99),
        "threshold": lambda d: d.update(threshold=-1),
    }
    for field, spoil in spoiled.items():
        copy = msgspec.json.decode(msgspec.json.encode(good))
        spoil(copy["reelbench_ab"])
        path = tmp_path / f"{field}.json"
        path.write_bytes(msgspec.json.encode(copy))
        assert main(["ab", "--from", str(path)]) == 2
        errors = capsys.readouterr().err
        assert field in errors
        assert errors.count("\n") == 1


def test_what_all_tests_share_goes_without_saying(saved, capsys):
    cases = [
        compared(f"bench/test_a.py::TestX::test_{name}", 0.0, 0.001, "unchanged") for name in "pq"
    ]
    main(["ab", "--from", saved(*cases)])
    text = capsys.readouterr().out
    assert "test_p" in text
    assert "bench/test_a.py" not in text
