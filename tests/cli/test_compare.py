import io
import json

import pytest

from reelbench.cli import main
from results import documents as make


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two runs, A.json and B.json, in the current folder; B is twice as fast."""
    monkeypatch.chdir(tmp_path)
    make.write(tmp_path, make.document(make.record()), "A.json")
    new = make.document(make.record(0.005), on=make.machine("h100"), block=make.run(run_id="b"))
    make.write(tmp_path, new, "B.json")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["A.json", "B.json"], "new runs at 2.000× the speed of base"),
        (["base=A.json", "new=B.json"], "new runs at 2.000× the speed of base"),
        (["new=B.json", "base=A.json"], "new runs at 2.000× the speed of base"),
        (["new=B.json", "A.json"], "new runs at 2.000× the speed of base"),
        (["cpu=A.json", "h100=B.json"], "h100 runs at 2.000× the speed of cpu"),
        (["B.json", "A.json"], "new runs at 0.500× the speed of base"),
    ],
)
def test_labels_say_which_is_the_base(words, sentence, capsys):
    assert main(["compare", *words]) == 0
    assert sentence in capsys.readouterr().out


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "at least two sides, not 0"),
        (["A.json"], "at least two sides, not 1"),
        (["x=A.json", "x=A.json"], "at least two sides, not 1"),
        (["x=A.json", "x=B.json"], "x: holds runs of several machines"),
        (["base=-", "new=-"], "standard input can be one side only"),
        (["A.json", "*.nothing"], "matches no result file"),
        (["A.json", "B.json", "--threshold", "3"], "is no share"),
        (["A.json", "B.json", "--treshold", "3%"], "unknown option --treshold"),
        (["A.json", "B.json", "--allow-missing", "x"], "goes with --fail-slower"),
        (["A.json", "nowhere.json"], "nowhere.json: cannot be read"),
        (["base=A.json", "new="], "new=: cannot be read"),
    ],
)
def test_wrong_runs_are_one_line(words, problem, capsys):
    assert main(["compare", *words]) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.usefixtures("files")
def test_a_file_whose_name_looks_labelled_is_a_file(tmp_path, capsys):
    make.write(tmp_path, make.document(make.record()), "new=B.json")
    assert main(["compare", "A.json", "new=B.json"]) == 0
    assert "1.000×" in capsys.readouterr().out


@pytest.mark.usefixtures("files")
def test_json_and_csv_carry_the_ratio_as_a_number(capsys):
    main(["compare", "A.json", "B.json", "--format", "json"])
    tables = json.loads(capsys.readouterr().out)["tables"]
    assert tables[1]["rows"][0]["mode"] == "hardware"
    assert tables[1]["rows"][0]["geometric_mean"] == pytest.approx(2)
    (cases,) = [table for table in tables if table["title"].startswith("Cases")]
    assert cases["rows"][0]["ratio"] == pytest.approx(2)
    main(["compare", "A.json", "B.json", "--format", "csv"])
    header, row = capsys.readouterr().out.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["ratio"] == "2.0"


@pytest.mark.usefixtures("files")
def test_standard_input_is_a_side(tmp_path, capsys, monkeypatch):
    data = (tmp_path / "B.json").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["compare", "A.json", "-"]) == 0
    assert "2.000× the speed of base" in capsys.readouterr().out


@pytest.fixture
def months(tmp_path, monkeypatch):
    """Two months of one machine below results/m, and a run of another below results/n."""
    monkeypatch.chdir(tmp_path)
    for place, median in enumerate(
        (0.0100, 0.0101, 0.0099, 0.0102, 0.0120, 0.0121, 0.0119, 0.0122)
    ):
        month = 3 if place < 4 else 4
        created = f"2026-{month:02d}-{place + 1:02d}T00:00:00Z"
        block = make.run(run_id=f"r{place}", created=created)
        folder = tmp_path / "results" / "m"
        folder.mkdir(parents=True, exist_ok=True)
        made = make.document(make.record(median), block=block)
        make.write(folder, made, f"2026{month:02d}{place + 1:02d}.json")
    other = tmp_path / "results" / "n"
    other.mkdir()
    make.write(other, make.document(make.record(0.005), on=make.machine("n")))


@pytest.mark.usefixtures("months")
def test_one_month_against_the_last_by_globs(capsys):
    words = ["march=results/m/202603*", "april=results/m/202604*.json"]
    assert main(["compare", *words]) == 0
    text = capsys.readouterr().out
    assert "april runs at 0.834× the speed of march (one case" in text
    assert "1 slower" in text
    assert "march: 4 runs, 2026-03-01 to 2026-03-04." in text


@pytest.mark.usefixtures("months")
def test_a_folder_of_machines_is_a_side_for_each(capsys):
    assert main(["compare", "results"]) == 0
    assert "n runs at 2.201× the speed of m" in capsys.readouterr().out


@pytest.mark.usefixtures("months")
def test_three_sides_stand_beside_each_other(capsys):
    words = ["a=results/m/202603*", "b=results/m/202604*", "results/n"]
    assert main(["compare", *words]) == 0
    text = capsys.readouterr().out
    assert "Speed relative to a" in text
    assert "0.834× ▼" in text
    assert "2.010×" in text


@pytest.mark.usefixtures("months")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["results/m/202603*", "results/m/202604*"], 1, "r3d-layer1 forward: slower by +19.9 %"),
        (["results/m/202604*", "results/m/202603*"], 0, ""),
        (["results/m", "results/n"], 3, "the machines differ"),
        (["results/m/20260301.json", "results/m/20260302.json"], 3, "one process shows"),
    ],
)
def test_a_gate_has_four_answers(words, code, said, capsys):
    assert main(["compare", *words, "--fail-slower", "5%"]) == code
    assert said in capsys.readouterr().err
