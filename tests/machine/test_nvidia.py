"""Whatever nvidia-smi prints or does, the facts are right or absent, and soon."""

import subprocess
import time

import msgspec
import pytest

from reelbench.machine import nvidia

H100 = "NVIDIA H100 80GB HBM3, 81559, 570.86.15, 700.00, 1980"


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """Put an nvidia-smi of these shell lines on the PATH, alone; return what the facts are."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(lines):
        script = tmp_path / "nvidia-smi"
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o755)
        nvidia._ask.cache_clear()
        return nvidia.facts()

    yield put
    nvidia._ask.cache_clear()


def printing(*rows):
    return "\n".join(f"echo '{row}'" for row in rows)


def test_a_gpu_is_told_in_si_units(smi):
    assert smi(printing(H100)) == {
        "accelerator": "NVIDIA H100 80GB HBM3",
        "accelerator_count": 1,
        "accelerator_memory_bytes": 81559 * 2**20,
        "accelerator_driver": "570.86.15",
        "accelerator_power_cap_w": 700.0,
        "accelerator_clock_hz": 1980e6,
    }


def test_two_equal_gpus_are_one_name_and_a_count(smi):
    facts = smi(printing(H100, H100))
    assert facts["accelerator"] == "NVIDIA H100 80GB HBM3"
    assert facts["accelerator_count"] == 2


def test_two_unlike_gpus_are_both_named_in_an_order_that_stays(smi):
    other = "NVIDIA A2, 15356, 570.86.15, 60.00, 210"
    names = {smi(printing(*rows))["accelerator"] for rows in ([H100, other], [other, H100])}
    assert names == {"NVIDIA A2 + NVIDIA H100 80GB HBM3"}


def test_what_nvidia_smi_does_not_know_is_unknown(smi):
    facts = smi(printing("NVIDIA GB10, [N/A], 580.1, [N/A], [Not Supported]"))
    assert facts["accelerator"] == "NVIDIA GB10"
    unknown = ("accelerator_memory_bytes", "accelerator_power_cap_w", "accelerator_clock_hz")
    assert [facts[name] for name in unknown] == [None, None, None]


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
def test_what_is_no_number_is_unknown(smi, number):
    facts = smi(printing(f"NVIDIA X, {number}, 1, {number}, {number}"))
    assert facts["accelerator_memory_bytes"] is None
    assert facts["accelerator_power_cap_w"] is None
    assert facts["accelerator_clock_hz"] is None


@pytest.mark.parametrize(
    "lines",
    [
        "exit 1",
        f"{printing(H100)}\nexit 9",
        "true",
        "echo No devices were found",
        printing("a, b", "", ",,,,,,,,"),
        "kill -9 $$",
    ],
)
def test_an_nvidia_smi_that_has_no_answer_gives_no_facts(smi, lines):
    assert smi(lines) == {}


def test_bytes_that_are_no_text_are_no_error(smi):
    assert smi(r"printf '\377\376\200\n'") == {}
    facts = smi(r"printf 'NVIDIA \377, 1, 2, 3, 4\n'")
    assert msgspec.json.decode(msgspec.json.encode(facts)) == facts


def test_lines_that_are_no_gpu_do_not_hide_the_gpu(smi):
    assert smi(printing("warning: infoROM is corrupted", H100))["accelerator_count"] == 1


def test_a_script_that_cannot_run_gives_no_facts(smi, tmp_path):
    smi("true")
    (tmp_path / "nvidia-smi").write_text("#!/no/such/interpreter\n")
    nvidia._ask.cache_clear()
    assert nvidia.facts() == {}


def test_without_nvidia_smi_there_are_no_facts(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    nvidia._ask.cache_clear()
    assert nvidia.facts() == {}
    nvidia._ask.cache_clear()


def test_an_nvidia_smi_that_hangs_is_given_up(smi, monkeypatch):
    run = subprocess.run

    def impatient(*args, timeout, **options):
        assert timeout <= 30
        return run(*args, timeout=0.3, **options)

    monkeypatch.setattr(subprocess, "run", impatient)
    start = time.monotonic()
    assert smi("while :; do :; done") == {}
    assert time.monotonic() - start < 10


def test_nvidia_smi_is_asked_once(smi, tmp_path):
    smi(f"echo x >> {tmp_path}/asked\n{printing(H100)}")
    assert nvidia.facts()["accelerator_count"] == 1
    assert (tmp_path / "asked").read_text() == "x\n"


def test_nothing_is_set_and_no_serial_number_is_asked_for(smi, tmp_path):
    smi(f'echo "$@" > {tmp_path}/arguments\n{printing(H100)}')
    arguments = (tmp_path / "arguments").read_text().split()
    assert [argument.partition("=")[0] for argument in arguments] == ["--query-gpu", "--format"]
    assert not {"serial", "uuid", "gpu_uuid", "pci.bus_id"} & set(
        arguments[0].split("=")[1].split(",")
    )


LIST = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)
  MIG 3g.40gb     Device  0: (UUID: MIG-e1ac3a50-9cb1-5d2a-8be9-4ff8c2fa8b9d)
  MIG 1g.10gb+me  Device  1: (UUID: MIG-cc3ad3ba-9cb1-5d2a-8be9-4ff8c2fa8b9d)"""


def test_slices_are_told_by_their_size_and_without_their_ids(smi):
    smi(printing(*LIST.splitlines()))
    assert nvidia.slices() == ["3g.40gb", "1g.10gb+me"]


def test_a_gpu_that_is_not_cut_has_no_slices(smi):
    smi(printing(LIST.splitlines()[0]))
    assert nvidia.slices() == []


@pytest.mark.parametrize(
    ("visible", "hidden"),
    [(None, False), ("0", False), ("0,-1", False), ("GPU-89", False), ("", True), ("-1", True)],
)
def test_gpus_are_hidden_by_an_empty_list_or_one_that_begins_with_none(
    monkeypatch, visible, hidden
):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert nvidia.hidden() is hidden
