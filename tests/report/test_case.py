"""A case shows what the machine did while each of its processes was timed."""

import json

from reelbench.report.case import case_tables
from reelbench.report.tables import render
from results import documents as make

HEALTH = {
    "seconds": 2.0,
    "others_share": 0.23,
    "steal_share": 0.001,
    "throttled_share": 0.0,
    "load_1m": 1.5,
    "clock_hz": 2.6e9,
}
GPU = {
    "seconds": 2.0,
    "accelerator_clock_share": 0.61,
    "throttle_reasons": ["hw_thermal_slowdown", "sw_power_cap"],
    "accelerator_power_w": 699.6,
    "accelerator_temperature_c": 87.0,
    "neighbours": 2,
}


def rows(*processes):
    """The rows of a case by name, from changes to the rounds of each process."""
    timing = make.timing()
    (rounds,) = timing["replicates"]
    each = [rounds | {"process": f"p{n}"} | changes for n, changes in enumerate(processes)]
    results = make.results(make.record(timing=timing | {"replicates": each}))
    (table,) = case_tables(results.benchmarks, [])
    return {name.value: value for name, value in table.rows}


def test_each_process_shows_its_rounds_and_its_machine():
    shown = rows({"health": HEALTH}, {"health": HEALTH | {"others_share": 0.01}})
    assert shown["process p0"].text.startswith("3 rounds of 1, 9.90 ms to 10.1 ms, median 10.0 ms")
    assert shown["process p0: machine"].text == (
        "watched 2s: others' CPU 23 %, stolen 0.1 %, throttled 0.0 %, load 1.50, CPU at 2.60 GHz"
    )
    assert "others' CPU 1.0 %" in shown["process p1: machine"].text


def test_an_accelerator_shows_clock_reasons_power_temperature_and_neighbours():
    assert rows({"health": GPU})["process p0: machine"].text == (
        "watched 2s: accelerator at 61 % of its clock, held down by hw thermal slowdown, "
        "sw power cap, 700 W, 87 °C, other processes on it: 2"
    )


def test_what_is_unknown_is_left_out_and_nothing_known_is_said():
    shown = rows({"health": {"seconds": 0.1}})["process p0: machine"].text
    assert shown.endswith("nothing is known")


def test_quiet_rounds_say_nothing_of_disturbances_or_retries():
    assert not [name for name in rows({"health": HEALTH}) if "disturbed" in name or "retr" in name]


def test_disturbed_rounds_say_by_what_and_how_often_they_were_taken_again():
    found = ["others' CPU: 23 %", "stolen by the hypervisor: 8.0 %"]
    shown = rows({"health": HEALTH, "disturbed": found, "retries": 2}, {"retries": 1})
    disturbed = shown["process p0: disturbed"]
    assert disturbed.text == "others' CPU: 23 %, stolen by the hypervisor: 8.0 %"
    assert shown["process p0: retries"].value == 2
    assert shown["process p1: retries"].value == 1
    assert "process p1: disturbed" not in shown


def test_a_file_of_an_earlier_version_has_no_health():
    assert [name for name in rows({}) if name.startswith("process")] == ["process p0"]


def test_everything_fits_in_a_hundred_characters_and_programs_get_it_too():
    timing = make.timing()
    (rounds,) = timing["replicates"]
    each = [rounds | {"health": HEALTH | GPU, "disturbed": ["others' CPU: 23 %"], "retries": 2}]
    results = make.results(make.record(timing=timing | {"replicates": each}))
    tables = case_tables(results.benchmarks, [])
    assert max(map(len, render(tables, "table", width=100).splitlines())) <= 100
    (whole,) = json.loads(render(tables, "json"))["tables"]
    assert {"name": "process p0: retries", "value": 2} in whole["rows"]
