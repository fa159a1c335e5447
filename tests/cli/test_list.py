import csv
import io
import json

import pytest

from reelbench import catalogue
from reelbench.cli import main


def answered(capsys, *words: str) -> str:
    assert main(["list", *words]) == 0
    return capsys.readouterr().out


def rows(capsys, *words: str) -> list[dict]:
    return json.loads(answered(capsys, *words, "--format", "json"))["tables"][0]["rows"]


def test_every_preset_is_listed_with_its_source(capsys):
    listed = rows(capsys)
    assert [row["preset"] for row in listed] == [row.name for row in catalogue.presets()]
    assert all(row["source"] and row["clip"] and row["inputs"] for row in listed)


def test_the_list_fits_in_a_hundred_characters(capsys):
    for words in ([], ["attention"]):
        assert max(map(len, answered(capsys, *words).splitlines())) <= 100


@pytest.mark.parametrize("words", [["convolution"], ["--family", "convolution"], ["Conv3D"]])
def test_a_family_or_a_layer_chooses_its_rows(words, capsys):
    assert {row["layer"] for row in rows(capsys, *words)} == {"Conv3D"}


def test_core_chooses_core_rows(capsys):
    listed = rows(capsys, "--core")
    assert {row["preset"] for row in listed} == {r.name for r in catalogue.presets() if r.core}


def test_a_preset_is_given_in_full(capsys):
    text = answered(capsys, "r3d-layer1")
    row = catalogue.find("r3d-layer1")
    for part in ("16×56×56×64", "in_features", "forward, train", row.source.split(";")[0]):
        assert part in text


@pytest.mark.parametrize("preset", catalogue.presets(), ids=lambda preset: preset.name)
def test_every_preset_can_be_given_in_full(preset, capsys):
    lines = answered(capsys, preset.name).splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) <= 100


def test_csv_has_a_row_for_every_preset(capsys):
    listed = list(csv.DictReader(io.StringIO(answered(capsys, "--format", "csv"))))
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
