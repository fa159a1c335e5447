import json

import pytest

from reelbench.cli import main
from results import documents as make


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs of one machine in processes of their own, A.json and B.json, in this folder."""
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        replicate = make.timing()["replicates"][0] | {"process": name}
        record = make.record(timing=make.timing(replicates=[replicate]))
        processes = [{"id": name, "started": "2026-01-01T00:00:00Z"}]
        block = make.run(run_id=name, processes=processes)
        make.write(tmp_path, make.document(record, block=block), f"{name.upper()}.json")


@pytest.mark.usefixtures("runs")
def test_files_are_merged_into_a_new_one_that_other_commands_read(tmp_path, capsys):
    assert main(["merge", "A.json", "B.json", "--output", "C.json"]) == 0
    assert main(["merge", "B.json", "A.json", "--output", "D.json"]) == 0
    assert (tmp_path / "C.json").read_bytes() == (tmp_path / "D.json").read_bytes()
    capsys.readouterr()
    assert main(["show", "C.json"]) == 0
    assert main(["compare", "A.json", "C.json"]) == 0


@pytest.mark.usefixtures("runs")
def test_standard_output_takes_the_file(capfdbinary):
    assert main(["merge", "A.json", "B.json", "--output", "-"]) == 0
    assert len(json.loads(capfdbinary.readouterr().out)["reelbench"]["sources"]) == 2


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--output", "C.json"], "name the files to merge"),
        (["A.json", "--output", "B.json"], "exists already"),
        (["A.json", "--output", "nowhere/C.json"], "cannot be written"),
        (["A.json", "nothing.json", "--output", "C.json"], "cannot be read"),
        (["A.json"], "output"),
    ],
)
def test_wrong_words_are_one_line_and_write_nothing(words, problem, tmp_path, capsys):
    assert main(["merge", *words]) == 2
    assert problem in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A.json", "B.json"]
