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
        (["A.json"], "exactly two runs, not 1"),
        (["A.json", "B.json", "A.json"], "exactly two runs, not 3"),
        (["x=A.json", "x=B.json"], "both runs are labelled 'x'"),
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
    assert tables[2]["rows"][0]["ratio"] == pytest.approx(2)
    main(["compare", "A.json", "B.json", "--format", "csv"])
    header, row = capsys.readouterr().out.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["ratio"] == "2.0"
