"""``reelbench predict`` and ``reelbench validate``, as they are typed."""

import json

import pytest

from predict import worlds
from predict.worlds import half, records_of, step_record
from reelbench.catalogue.models import find_model
from reelbench.cli import main
from results import documents as make

MODEL = find_model("videomae-s@8x96x96")


@pytest.fixture
def run(tmp_path):
    records = [*records_of([MODEL], half), step_record(MODEL, half)]
    return str(make.write(tmp_path, make.document(*records, on=worlds.machine()), "known.json"))


def said(capsys, *words, code=0):
    assert main(list(words)) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def test_a_prediction_says_what_it_is_made_of(run, capsys):
    text = said(capsys, "predict", MODEL.name, "--rates", run)
    for part in ("90 % interval", "clips/s", "optimizer", "JointAttentionBlock", "activations"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 100


def test_json_carries_numbers(run, capsys):
    tables = json.loads(said(capsys, "predict", MODEL.name, "--rates", run, "--format", "json"))
    text = json.dumps(tables)
    assert "total_s" in text


def test_what_is_missing_is_listed_with_what_to_do(run, capsys):
    text = said(capsys, "predict", "r3d_18@8x56x56", "--rates", run)
    assert "Not measured" in text
    assert "--reel-case r3d_18@8x56x56" in text.replace("\n", " ")
    # Its first layer stands in two places.
    _, missing = text.split("Not measured")
    rows = [line.split()[:2] for line in missing.splitlines()]
    assert rows.count(["BasicBlock-65167cbb", "train"]) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["r3d_81"], "did you mean 'r3d_18'"),
        (["r3d_18@8"], "write clip as 16x112x112"),
        (["r3d_18", "--dtype", "bfloat16"], "--reel-dtype bfloat16"),
        (["r3d_18", "--batch", "0"], "--batch"),
        (["r3d_18", "--on", "nowhere.json"], "nowhere.json"),
    ],
)
def test_mistakes_are_one_line_with_advice(run, capsys, words, says):
    problem = said(capsys, "predict", *words, "--rates", run, code=2)
    assert says in problem
    assert problem.count("\n") == 1


def test_a_plain_file_is_refused_for_rates(tmp_path, capsys):
    path = make.write(tmp_path, make.plain_document(), "plain.json")
    problem = said(capsys, "predict", "r3d_18", "--rates", str(path), code=2)
    assert "machine_info.reelbench" in problem


def test_a_file_without_ceilings_is_no_other_machine(run, tmp_path, capsys):
    bare = make.document(on=make.machine() | {"ceilings": []})
    path = make.write(tmp_path, bare, "bare.json")
    words = ("predict", MODEL.name, "--rates", run, "--on", str(path))
    assert "bench/test_ceilings.py" in said(capsys, *words, code=2)


def test_another_machine_is_marked_extrapolated(run, tmp_path, capsys):
    other = worlds.machine("other-4c-8g-11111111", 2 * worlds.MATMUL, 2 * worlds.MEMORY)
    path = make.write(tmp_path, make.document(on=other), "other.json")
    text = said(capsys, "predict", MODEL.name, "--rates", run, "--on", str(path))
    assert "extrapolated" in text
    assert "other-4c-8g-11111111" in text


def test_validating_holds_predictions_against_measurements(run, capsys):
    text = said(capsys, "validate", run)
    assert MODEL.name in text
    assert "median error" in text
    assert max(map(len, text.splitlines())) <= 100


def test_validating_nothing_says_what_to_measure(tmp_path, capsys):
    path = make.write(tmp_path, make.document(on=worlds.machine()), "layers.json")
    assert "bench/test_models.py" in said(capsys, "validate", str(path), code=2)
    assert "result files" in said(capsys, "validate", code=2)


def test_files_of_strangers_are_shown_escaped(tmp_path, capsys):
    records = [*records_of([MODEL], half), step_record(MODEL, half)]
    on = worlds.machine("bad\x1b[31mname-2c")
    path = make.write(tmp_path, make.document(*records, on=on), "strange.json")
    assert "\x1b" not in said(capsys, "predict", MODEL.name, "--rates", str(path))
