import pytest

from reelbench.cli import main
from results import documents as make


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Eight runs in results/m; from the fifth on the train pass is slower."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "results" / "m"
    home.mkdir(parents=True)
    for day in range(8):
        scale = (1 + day % 3 / 1000) * (1.3 if day >= 4 else 1)
        records = make.record(0.01), make.record(0.03 * scale, **{"pass": "train"})
        block = make.run(run_id=f"r{day}", created=f"2026-03-{day + 1:02d}T00:00:00Z")
        make.write(home, make.document(*records, block=block), f"{day}.json")


@pytest.mark.usefixtures("machine")
def test_the_step_is_found_and_the_other_case_is_level(capsys):
    assert main(["history", "results/m"]) == 0
    text = capsys.readouterr().out
    assert "8 runs, 2026-03-01 to 2026-03-08; 1 step in 2 series" in text
    assert "+30.1 %" in text
    assert "▁▁▁▁████" in text


@pytest.mark.usefixtures("machine")
def test_one_case_can_be_asked_for(capsys):
    assert main(["history", "results/m", "--case", "r3d-layer1/forward"]) == 0
    assert "0 steps in 1 series" in capsys.readouterr().out


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "name a machine's folder"),
        (["results/m", "--case", "r3d-layer2"], "did you mean 'r3d-layer1'?"),
        (["nowhere"], "cannot be read"),
        (["results/m", "other.json"], "several machines"),
    ],
)
def test_wrong_words_are_one_line(words, problem, tmp_path, capsys):
    make.write(tmp_path, make.document(on=make.machine("other")), "other.json")
    assert main(["history", *words]) == 2
    assert problem in capsys.readouterr().err
