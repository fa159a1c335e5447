import json

import pytest

from reelbench.cli import main
from results import documents as make


@pytest.fixture
def run(tmp_path):
    outcomes = [make.outcome(preset="r3d-layer4")]
    records = [make.record(warnings=["clock fell"]), make.record(0.03, **{"pass": "train"})]
    whole = make.document(*records, block=make.run(outcomes=outcomes, complete=False))
    return str(make.write(tmp_path, whole, "20260101T000000-0123456.json"))


def shown(capsys, *words: str) -> str:
    assert main(["show", *words]) == 0
    return capsys.readouterr().out


def test_a_run_shows_machine_layers_outcomes_warnings_and_ceilings(run, capsys):
    text = shown(capsys, run)
    for part in (
        "xeon-2c-8g-12ab34cd",
        "Intel Xeon",
        "8.00 GiB",
        "jaxlib",
        "empty call   8.00 µs",
        "not every planned case has an outcome",
        "10.0 ms",
        "clock fell",
        "Not measured: 1",
        "over budget",
        "--reel-budget",
        "120 GFLOP/s",
        "0123456789ab",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100


def test_csv_is_the_layer_table(run, capsys):
    lines = shown(capsys, run, "--format", "csv").splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("layer,family,preset,")


def test_a_folder_means_its_newest_run(run, tmp_path, capsys):
    newer = make.document(block=make.run(created="2026-02-02T00:00:00Z"))
    make.write(tmp_path, newer, "20260202T000000-0123456.json")
    (tmp_path / "20270101.journal").write_text("{")
    assert "20260202T000000-0123456.json" in shown(capsys, str(tmp_path))


def test_a_folder_of_machines_asks_for_one(run, tmp_path, capsys):
    assert main(["show", str(tmp_path.parent)]) == 2
    assert "name one, such as" in capsys.readouterr().err


def test_an_empty_folder_says_how_to_measure(tmp_path, capsys):
    assert main(["show", str(tmp_path)]) == 2
    assert "pytest --benchmark-only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("case", "count"),
    [("r3d-layer1", 2), ("r3d-layer1/train", 1), ("r3d-layer4", 1), ("r3d-layer4/forward", 1)],
)
def test_a_case_is_found_by_preset_and_pass(run, case, count, capsys):
    tables = json.loads(shown(capsys, run, case, "--format", "json"))["tables"]
    assert len(tables) == count


def test_a_case_is_found_by_the_name_of_its_benchmark(run, capsys):
    name = make.benchmark(make.record())["fullname"]
    assert name[:90] in shown(capsys, run, name)


def test_a_case_shows_everything_known_of_it(run, capsys):
    text = shown(capsys, run, "r3d-layer1/forward")
    for part in (
        "program",
        "ab" * 32,
        "22.2 GFLOP",
        "compiling",
        "temporaries",
        "v-0123",
        "p0",
        "drift",
    ):
        assert part in text


def test_a_case_without_timing_shows_reason_and_advice(run, capsys):
    text = shown(capsys, run, "r3d-layer4")
    assert "40 s of 12 s left" in text
    assert "--reel-budget" in text


def test_an_unknown_case_gets_the_nearest_one(run, capsys):
    assert main(["show", run, "r3d-layr1"]) == 2
    assert "did you mean 'r3d-layer1'?" in capsys.readouterr().err


def test_a_file_of_plain_pytest_benchmark_says_what_it_lacks(tmp_path, capsys):
    path = str(make.write(tmp_path, make.plain_document()))
    text = shown(capsys, path)
    assert "No layer was measured." in text
    assert "hold no reelbench record: 1" in text
    assert "10.0 ms" in shown(capsys, path, "test_sort")
