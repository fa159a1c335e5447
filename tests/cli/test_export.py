import csv
import io
import json

import pytest

from reelbench.cli import main
from results import documents as make


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two runs in results/m, the second with a preset whose name is a formula."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "results" / "m"
    home.mkdir(parents=True)
    make.write(home, make.document(make.record()), "a.json")
    hostile = make.record(preset="=HYPERLINK(1)|x")
    make.write(home, make.document(hostile, block=make.run(run_id="b")), "b.json")


@pytest.mark.usefixtures("folder")
def test_csv_is_a_row_a_case_of_a_run(capsys):
    assert main(["export", "results/m"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["preset"] for row in rows] == ["r3d-layer1", "'=HYPERLINK(1)|x"]
    assert float(rows[0]["median_s"]) == 0.010
    assert (rows[0]["machine"], rows[0]["jaxlib"]) == ("xeon-2c-8g-12ab34cd", "0.10.2")


@pytest.mark.usefixtures("folder")
def test_json_is_a_list_of_objects(capsys):
    assert main(["export", "results", "--to", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["run"] for row in rows] == ["20260101T000000-0123456", "b"]
    assert rows[0]["batch"] == 1


@pytest.mark.usefixtures("folder")
def test_rounds_are_rows_of_their_own(capsys):
    assert main(["export", "results/m/a.json", "--to", "json", "--rounds"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["round_s"] for row in rows] == pytest.approx([0.0099, 0.010, 0.0101])
    assert [row["round"] for row in rows] == [0, 1, 2]


@pytest.mark.usefixtures("folder")
def test_markdown_shows_names_literally(capsys):
    assert main(["export", "results/m", "--to", "md"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert r"=HYPERLINK(1)\|x" in lines[3]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("more", [[], ["--rounds"]])
def test_parquet_holds_the_same_as_json(more, capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert main(["export", "results/m", "--to", "parquet", "--output", "all.parquet", *more]) == 0
    assert main(["export", "results/m", "--to", "json", *more]) == 0
    said = json.loads(capsys.readouterr().out)
    kept = parquet.read_table("all.parquet").to_pylist()
    texts = [{k: None if v is None else str(v) for k, v in row.items()} for row in kept]
    assert texts == [
        {k: None if v is None else str(type(kept[0][k])(v) if kept[0][k] is not None else v)
         for k, v in row.items()}
        for row in said
    ]  # fmt: skip


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("to", ["csv", "json", "md"])
def test_a_file_is_written_whole_or_not_at_all(to, tmp_path, capsys):
    assert main(["export", "results/m", "--to", to, "--output", "out"]) == 0
    assert main(["export", "results/m", "--to", to]) == 0
    assert (tmp_path / "out").read_text() == capsys.readouterr().out
    (tmp_path / "results" / "m" / "c.json").write_text("{")
    assert main(["export", "results/m", "--to", to, "--output", "other"]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "results"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "name files or folders"),
        (["results", "--output", "results"], "exists already"),
        (["results", "--output", "no/where"], "cannot be written"),
        (["results", "--to", "parquet"], "name a file with --output"),
        (["results", "--case", "r3d-layer2", "--output", "x"], "did you mean 'r3d-layer1'?"),
    ],
)
def test_wrong_words_are_one_line(words, problem, capsys):
    assert main(["export", *words]) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("case", ["r3d-layer1", "r3d-layer1/forward"])
def test_one_case_can_be_asked_for(case, capsys):
    assert main(["export", "results", "--case", case, "--to", "json"]) == 0
    assert [row["preset"] for row in json.loads(capsys.readouterr().out)] == ["r3d-layer1"]


def test_plain_files_have_their_statistics(tmp_path, capsys):
    path = make.write(tmp_path, make.plain_document())
    assert main(["export", str(path), "--to", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["benchmark"].endswith("test_sort")
    assert (row["median_s"], row["preset"]) == (0.010, None)
