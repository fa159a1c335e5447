import json

from reelbench.machine.advice import Advice, Severity
from reelbench.report.advice import advice_table
from reelbench.report.tables import render

FOUND = [
    Advice(Severity.DISTURBS, "other work takes 23 % of the 8 CPUs", "layers wait", "top"),
    Advice(Severity.NOTE, "no self-test is stored", "its noise is not known", "reelbench selftest"),
]


def test_advice_says_what_was_seen_why_it_matters_and_what_to_do():
    lines = render([advice_table(FOUND)], "table", width=100).splitlines()
    assert lines[0] == "Advice, the most important first"
    assert lines[3].split("  ")[0] == "disturbs"
    assert "Other work takes 23 % of the 8 CPUs. Layers wait.  " in lines[3]
    assert lines[3].endswith("top")
    assert lines[4].startswith("good to know")


def test_a_quiet_machine_is_one_line():
    text = render([advice_table([], "It sees slowdowns from 2.1 %.")], "table", width=100)
    assert text == "Nothing known disturbs measuring. It sees slowdowns from 2.1 %.\n"


def test_what_is_good_to_know_follows_the_advice():
    table = advice_table(FOUND, "It sees slowdowns from 2.1 %.")
    assert render([table]).splitlines()[-1] == "It sees slowdowns from 2.1 %."


def test_programs_get_the_parts_by_their_names():
    (table,) = json.loads(render([advice_table(FOUND)], "json"))["tables"]
    assert table["rows"][0] == {
        "severity": "disturbs",
        "what": "other work takes 23 % of the 8 CPUs",
        "why": "layers wait",
        "do": "top",
        "line": "",
    }
    assert json.loads(render([advice_table([])], "json"))["tables"][0]["rows"] == []


def test_every_severity_has_words():
    for severity in Severity:
        assert len(advice_table([Advice(severity, "a", "b", "c")]).rows) == 1
