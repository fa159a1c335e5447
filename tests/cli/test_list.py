import csv
import io
import json
import subprocess
import sys

import pytest

from reelbench import catalogue
from reelbench.catalogue.models import models
from reelbench.cli import main


def answered(capsys, *words: str) -> str:
    assert main(["list", *words]) == 0
    return capsys.readouterr().out


def rows(capsys, *words: str) -> list[dict]:
    tables = json.loads(answered(capsys, *words, "--format", "json"))["tables"]
    return [row for table in tables for row in table["rows"]]


def test_every_preset_is_listed_with_its_source(capsys):
    listed = rows(capsys, "--only", "presets")
    assert [row["preset"] for row in listed] == [row.name for row in catalogue.presets()]
    assert all(row["source"] and row["clip"] and row["inputs"] for row in listed)


def test_every_model_is_listed_with_its_source_and_size(capsys):
    listed = rows(capsys, "--only", "models")
    assert [row["model"] for row in listed] == [model.name for model in models()]
    assert all(row["source"] and row["parameters"] and row["model_flops"] for row in listed)


def test_listing_says_what_a_layer_costs_in_the_pass_asked_for(capsys):
    (forward,) = (r for r in rows(capsys, "convolution") if r["preset"] == "r3d-layer1")
    (train,) = (
        r for r in rows(capsys, "convolution", "--pass", "train") if r["preset"] == "r3d-layer1"
    )
    positions, taps = 16 * 56 * 56, 27 * 64
    parameters, activation = taps * 64, positions * 64
    assert forward["parameters"] == parameters
    assert forward["model_flops"] == 2 * positions * taps * 64
    assert forward["least_bytes"] == 4 * (parameters + 2 * activation)
    assert forward["intensity"] == forward["model_flops"] / forward["least_bytes"]
    assert train["model_flops"] == 3 * forward["model_flops"]


def test_listing_recorded_rows_loads_no_jax():
    code = (
        "import sys; from reelbench.cli import main; from reelbench.catalogue import presets;"
        "code = main(['list', '--only', 'presets']);"
        "sys.exit(code or ('jax' in sys.modules and 3))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0


def test_published_figures_stand_beside_ours(capsys):
    listed = rows(capsys, "--published")
    assert len(listed) == sum(len(model.published) for model in models())
    for row in listed:
        assert row["source"]
        assert row["met"] == (not row["unmet"])
        assert row["ours"] / row["published"] - 1 == row["difference"]


def test_the_list_fits_in_a_hundred_characters(capsys):
    for words in ([], ["attention"], ["--pass", "train"], ["--published"]):
        assert max(map(len, answered(capsys, *words).splitlines())) <= 100


@pytest.mark.parametrize("words", [["convolution"], ["--family", "convolution"], ["Conv3D"]])
def test_a_family_or_a_layer_chooses_its_rows(words, capsys):
    key = "layer" if words == ["Conv3D"] else "family"
    assert {row[key] for row in rows(capsys, *words)} == {words[-1]}


def test_core_chooses_core_rows(capsys):
    listed = rows(capsys, "--core")
    assert {row["preset"] for row in listed} == {r.name for r in catalogue.presets() if r.core}


def test_a_preset_is_given_in_full(capsys):
    text = answered(capsys, "r3d-layer1")
    row = catalogue.find("r3d-layer1")
    for part in ("16×56×56×64", "in_features", "train", "FLOP/B", row.source.split(";")[0]):
        assert part in text


@pytest.mark.parametrize("preset", catalogue.presets(), ids=lambda preset: preset.name)
def test_every_preset_can_be_given_in_full(preset, capsys):
    lines = answered(capsys, preset.name).splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_every_model_can_be_given_in_full(model, capsys):
    lines = answered(capsys, model.name).splitlines()
    assert max(map(len, lines)) <= 100


def test_a_model_can_be_given_at_another_size(capsys):
    assert main(["list", "r3d_18@8x56x56"]) == 0
    assert "8×56×56" in capsys.readouterr().out
    assert main(["list", "r3d_18@8x56"]) == 2
    assert "16x112x112" in capsys.readouterr().err


def test_a_model_and_its_kind_choose_models_only(capsys):
    model = models()[0]
    assert {row["kind"] for row in rows(capsys, model.kind)} == {model.kind}


def test_a_choice_among_presets_contradicts_models_only(capsys):
    assert main(["list", "--core", "--only", "models"]) == 2
    assert "leave out" in capsys.readouterr().err


def test_csv_has_a_row_for_every_preset(capsys):
    text = answered(capsys, "--only", "presets", "--format", "csv")
    listed = list(csv.DictReader(io.StringIO(text)))
    assert len(listed) == len(catalogue.presets())


@pytest.mark.parametrize(
    ("words", "guess"),
    [
        (["r3d-layr1"], "r3d-layer1"),
        (["conv3d"], "Conv3D"),
        (["--family", "convolutoin"], "convolution"),
        (["convolutoin"], "convolution"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(words, guess, capsys):
    assert main(["list", *words]) == 2
    assert f"did you mean '{guess}'?" in capsys.readouterr().err


def test_a_name_outside_the_family_is_unknown(capsys):
    assert main(["list", "r3d-layer1", "--family", "attention"]) == 2
    assert "unknown" in capsys.readouterr().err
