"""What is told of a machine names no person, no place and no specimen."""

import getpass
import json
import os
import platform
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelbench.machine import facts as collected
from reelbench.machine import nvidia
from reelbench.machine.facts import collect, without_paths
from reelbench.results.schema import Machine

SECRETS = ("alice", "Smith", "corp", "8932f937", "gateway")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in os.environ:
        if name.startswith(("JAX_", "XLA_", "OMP_", "MKL_", "LD_PRELOAD", "CUDA_", "TF_")):
            monkeypatch.delenv(name)


def stored(facts) -> dict:
    """The facts as they are in a result file; fails if a file cannot hold them."""
    machine = Machine(id="m", facts=facts, ceilings=[])
    return msgspec.json.decode(msgspec.json.encode(machine), type=Machine).facts


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XLA_FLAGS", "--xla_dump_to=/home/alice/dump --xla_cpu_multi_thread_eigen=false"),
        ("XLA_FLAGS", "--xla_dump_to=/home/alice"),
        ("XLA_FLAGS", "--xla_dump_to=/home/alice.smith --a=/Users/alice.Smith"),
        ("XLA_FLAGS", "--xla_dump_to=/scratch/alice"),
        ("XLA_FLAGS", "--xla_dump_to=~alice --xla_a=~alice/b --xla_b=~/alice/"),
        ("XLA_FLAGS", "--xla_dump_to=../alice/x --xla_c=./alice/y"),
        ("XLA_FLAGS", '--xla_dump_to="/home/alice Smith/dump" --xla_a=1'),
        ("XLA_FLAGS", "--xla_dump_to='/home/alice Smith/dump'"),
        ("XLA_FLAGS", "--xla_a=</home/alice/x>,/home/alice/y;/home/alice/z"),
        ("LD_PRELOAD", "/home/alice/lib/libtcmalloc.so.4:/opt/alice/lib/libx.so"),
        ("LD_PRELOAD", "/home/alice/lib/libtcmalloc.so.4 /home/alice"),
        ("JAX_COMPILATION_CACHE_DIR", "/home/alice Smith/jax cache"),
        ("JAX_COMPILATION_CACHE_DIR", "gs://alice-bucket/corp/cache"),
        ("JAX_COMPILATION_CACHE_DIR", "https://alice:corp@gateway/x.json"),
        ("JAX_COORDINATOR_ADDRESS", "gateway.corp:1234"),
        ("JAX_COORDINATOR_BIND_ADDRESS", "gateway.corp:1234"),
        ("CUDA_VISIBLE_DEVICES", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"),
        ("CUDA_VISIBLE_DEVICES", "0,GPU-8932f937"),
        ("CUDA_VISIBLE_DEVICES", "MIG-GPU-8932f937-d72c-4106/1/0"),
        ("ROCR_VISIBLE_DEVICES", "GPU-8932f9378932f937"),
    ],
)
def test_settings_tell_no_path_host_user_or_serial_number(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    told = json.dumps(collect())
    assert [secret for secret in SECRETS if secret in told] == []


def test_facts_name_neither_this_host_nor_this_user_nor_a_folder_of_it(monkeypatch):
    monkeypatch.setenv("USER", "alicesmith")
    monkeypatch.setenv("XLA_FLAGS", f"--xla_dump_to={Path(__file__).parent} --x={Path.cwd()}")
    told = [value for value in collect().values() if isinstance(value, str)]
    node, user = platform.node(), getpass.getuser()
    for value in told:
        assert value not in (node, user)
        assert not any(str(folder) in value for folder in (Path.cwd(), Path.home(), Path("/tmp")))


def test_what_matters_for_speed_is_told(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false --xla_dump_to=/a/b")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("LD_PRELOAD", "/opt/lib/libtcmalloc.so.4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    facts = collect()
    assert "--xla_cpu_multi_thread_eigen=false" in facts["xla_flags"].split()
    assert "OMP_NUM_THREADS=3" in facts["environment"].split()
    assert "XLA_FLAGS" not in facts["environment"]
    assert facts["allocator"] == "<path>/libtcmalloc.so.4"
    assert facts["visible_devices"] == "CUDA_VISIBLE_DEVICES=0,1"


def test_settings_of_other_programs_are_left_out(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("MY_XLA_FLAGS", "hunter2")
    assert "hunter2" not in json.dumps(collect())


def test_without_a_preloaded_allocator_the_allocator_is_the_default():
    assert collect()["allocator"] == "default"


WORDS = st.text("abcdefgh_", min_size=3, max_size=8).map("q{}q".format)


@given(
    st.lists(WORDS, min_size=2, max_size=5),
    st.sampled_from(["/", "~/", "./", "../", "//", "file:///", "gs://"]),
    st.sampled_from(["", "--a=", ":", "0,", "a;", "--a=b --c=", "(", '"', "<"]),
    st.sampled_from(["", " --d=1", ":0", ",1", ";"]),
)
def test_no_folder_of_a_path_is_left_wherever_the_path_stands(folders, start, before, after):
    kept = without_paths(before + start + "/".join(folders) + after)
    assert not any(folder in kept for folder in folders)
    assert kept.startswith(before)
    assert kept.endswith(after) or "://" in start


@pytest.mark.parametrize(
    "text",
    ["", "--xla_cpu_a=false --xla_b=1.5", "0,1", "glibc.malloc.arena_max=2:glibc.x=1", "{0:4}"],
)
def test_text_without_a_path_stays_as_it_is(text):
    assert without_paths(text) == text


@pytest.mark.parametrize("name", ["XLA_FLAGS", "LD_PRELOAD", "JAX_LONG", "CUDA_VISIBLE_DEVICES"])
@pytest.mark.parametrize(
    "value", [b"--a=" + b"x" * 50_000, b"\xff\xfe\x80 /a\xff/b", b"\x1b[0m\n\t"]
)
def test_any_setting_can_be_stored_in_a_result_file(monkeypatch, name, value):
    monkeypatch.setenv(name, os.fsdecode(value))
    facts = collect()
    assert stored(facts) == facts


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300))
def test_any_flags_can_be_stored_in_a_result_file(monkeypatch, value):
    monkeypatch.setenv("XLA_FLAGS", value)
    facts = collected._settings()
    assert stored(facts) == facts


def test_what_cannot_be_known_is_left_out(monkeypatch):
    monkeypatch.setattr(collected, "_proc_cpuinfo", dict)
    monkeypatch.setattr(collected, "_cache_bytes", lambda level: None)
    monkeypatch.setattr(collected.psutil, "cpu_freq", lambda: None)
    monkeypatch.setattr(collected.psutil, "cpu_count", lambda logical: None)
    facts = collect()
    unknown = {"cpu_signature", "cpu_features", "cpu_l2_bytes", "cpu_clock_hz", "cpu_cores"}
    assert not unknown & set(facts)
    assert None not in facts.values()
    assert facts["cpu_model"]


def test_a_cpu_whose_clock_cannot_be_read_is_no_error(monkeypatch):
    def fails():
        raise NotImplementedError

    monkeypatch.setattr(collected.psutil, "cpu_freq", fails)
    assert "cpu_clock_hz" not in collect()


def test_memory_is_the_same_whatever_share_of_it_the_kernel_takes(monkeypatch):
    def memory_of(total):
        found = type("Memory", (), {"total": total, "available": 1})
        monkeypatch.setattr(collected.psutil, "virtual_memory", lambda: found)
        return collect()["memory_bytes"]

    assert memory_of(8 * 2**30 - 200_000_000) == memory_of(8 * 2**30 - 300_000_000) == 8 * 2**30


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setitem(collected._PACKAGES, "flax", "no-such-package-anywhere")
    assert "flax" not in collect()


def test_the_accelerator_of_nvidia_smi_is_among_the_facts(monkeypatch):
    row = ["NVIDIA H100", "81559", "570.1", "700.00", "1980"]
    monkeypatch.setattr(nvidia, "_ask", lambda: [row])
    assert collect()["accelerator"] == "NVIDIA H100"
