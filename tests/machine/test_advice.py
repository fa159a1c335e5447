"""Each condition has its advice, with the figure and what to do; the worst comes first."""

import subprocess
import textwrap

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.machine.advice import Seen, Severity, advice
from reelbench.machine.nvidia_settings import GpuSettings
from reelbench.machine.settings import Settings
from reelbench.results.schema import Health

GPU = GpuSettings(power_cap_w=700.0, default_cap_w=700.0, persistence=True, sliced=False)
QUIET = {
    "facts": {
        "jax": "0.10.2",
        "backend": "cuda",
        "accelerator": "NVIDIA H100",
        "accelerator_driver": "580.65.06",
        "cpus_usable": 8,
        "cgroup_cpus": 8.0,
        "load_1m": 0.1,
        "memory_available_bytes": 2**34,
        "cpu_governor": "performance",
        "xla_flags": "",
        "environment": "",
    },
    "health": Health(
        seconds=1.0,
        others_share=0.01,
        steal_share=0.001,
        throttled_share=0.0,
        accelerator_clock_share=None,
        neighbours=0,
    ),
    "busy": 0,
    "settings": Settings(
        cpus=tuple(range(8)),
        one_a_core=tuple(range(8)),
        nodes=(0,),
        huge_pages="madvise",
        swap_used_bytes=2**20,
        memory_left_bytes=2**33,
    ),
    "gpus": [GPU],
    "smallest_visible": 0.02,
    "after_pause": 1.1,
}


def seen(facts=None, health=None, settings=None, gpu=None, **rest):
    """A quiet machine but for these changes; a fact that is None is not known."""
    changed = QUIET["facts"] | (facts or {})
    made = QUIET | {
        "facts": {name: value for name, value in changed.items() if value is not None},
        "health": msgspec.structs.replace(QUIET["health"], **(health or {})),
        "settings": Settings(**(vars(QUIET["settings"]) | (settings or {}))),
        "gpus": [GpuSettings(**(vars(GPU) | (gpu or {})))],
    }
    return Seen(**(made | rest))


def test_a_quiet_healthy_machine_needs_no_advice():
    assert advice(seen()) == []


@pytest.mark.parametrize(
    "facts",
    [
        {"environment": "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"},
        {"allocator": "libtcmalloc.so.4"},
        {"backend": "gpu"},
    ],
)
def test_who_has_huge_pages_or_another_allocator_is_not_told_of_them(facts):
    known = CPU | {"allocator": "default", "accelerator": None} | facts
    assert not any("small pages" in each.what for each in advice(seen(facts=known, gpus=())))


def test_of_what_is_unknown_only_the_missing_self_test_is_said():
    (only,) = advice(Seen(facts={"jax": "1"}))
    assert only.do.startswith("reelbench selftest")


CPU = {"backend": "cpu"}
# Without a GPU, and with an allocator that keeps memory.
X86 = CPU | {"architecture": "x86_64", "accelerator": None, "allocator": "libtcmalloc.so.4"}
SIBLINGS = {"one_a_core": (0, 1, 2, 6)}
CONDITIONS = [
    ({"facts": {"jax": None}}, "fails", "JAX is not installed", "pip install"),
    ({"jax_error": "RuntimeError: no cuda"}, "fails", "RuntimeError: no cuda", "jax.devices()"),
    ({"facts": CPU}, "fails", "NVIDIA H100 unused", "pip install -U 'jax[cuda13]'"),
    ({"facts": CPU | {"accelerator_driver": "570.1"}}, "fails", "unused", "'jax[cuda12]'"),
    (
        {"facts": CPU, "gpus_hidden": True},
        "fails",
        "unused",
        "unset CUDA_VISIBLE_DEVICES",
    ),
    (
        {"after_pause": 1.62, "after_pause_awake": 1.2},
        "disturbs",
        "1.62 times as long, 1.20 with",
        "--reel-awake",
    ),
    ({"after_pause": 1.62, "after_pause_awake": 1.5}, "disturbs", "1.62", "--benchmark-max-time"),
    ({"after_pause": 1.62}, "disturbs", "1.62 times", "--benchmark-max-time"),
    (
        {"health": {"others_share": 0.23}, "busy": 2},
        "disturbs",
        "23 % of the 8 CPUs, 2 proc",
        "top",
    ),
    ({"health": {"others_share": 0.23}, "busy": 1}, "disturbs", "CPUs, 1 process", "top"),
    ({"health": {"others_share": 0.23}, "busy": 0}, "disturbs", "can be seen from here", "top"),
    (
        {"health": {"others_share": None}, "facts": {"load_1m": 2.0}},
        "disturbs",
        "last minute is 2.0 on 8 CPUs",
        "top",
    ),
    ({"health": {"steal_share": 0.12}}, "disturbs", "hypervisor gives 12 %", "quieter hour"),
    (
        {"health": {"throttled_share": 0.04}},
        "disturbs",
        "quota stopped this container for 4.0 %",
        "raise the quota",
    ),
    ({"facts": {"cgroup_cpus": 2.5}}, "disturbs", "may use 2.5 CPUs but sees 8", "taskset -c 0-1 "),
    ({"facts": {"cgroup_cpus": 0.5}}, "disturbs", "may use 0.5 CPUs", "taskset -c 0 "),
    (
        {
            "facts": {"cgroup_cpus": 3.0},
            "settings": {"cpus": (4, 6, 7, 9), "one_a_core": (4, 6, 7, 9)},
        },
        "disturbs",
        "may use 3 CPUs",
        "taskset -c 4,6-7 ",
    ),
    ({"health": {"neighbours": 3}}, "disturbs", "compute on the GPU: 3", "nvidia-smi"),
    ({"facts": {"memory_available_bytes": 2**29}}, "disturbs", "only 512 MiB of memory", "end"),
    ({"settings": {"memory_left_bytes": 2**28}}, "disturbs", "only 256 MiB of memory", "end"),
    ({"settings": {"battery_share": 0.41}}, "disturbs", "battery (41 % left)", "plug it in"),
    (
        {"facts": X86},
        "note",
        "does not call oneDNN",
        "pip install -U jax",
    ),
    (
        {"facts": X86 | {"xla_libraries": "onednn"}},
        "note",
        "can call onednn here",
        "compiler_options",
    ),
    ({"facts": {"xla_flags": "--xla_a=1"}}, "changes", "(--xla_a=1)", "unset XLA_FLAGS"),
    (
        {"facts": {"environment": "JAX_ENABLE_X64=1 OMP_NUM_THREADS=2"}},
        "changes",
        "JAX_ENABLE_X64, OMP_NUM_THREADS",
        "unset JAX_ENABLE_X64 OMP_NUM_THREADS",
    ),
    ({"facts": {"cpu_governor": "powersave"}}, "changes", "governor is powersave", "cpupower"),
    ({"gpu": {"power_cap_w": 500.0}}, "changes", "may draw 500 W, and 700 W", "nvidia-smi -pl 700"),
    (
        {"gpu": {"sliced": True}, "slices": ["3g.40gb"]},
        "changes",
        "MIG (3g.40gb)",
        "CUDA_VISIBLE_DEVICES",
    ),
    (
        {"facts": {"environment": "JAX_COMPILATION_CACHE_DIR=<path>/"}},
        "note",
        "JAX_COMPILATION_CACHE_DIR",
        "nothing",
    ),
    ({"smallest_visible": None}, "note", "no self-test", "reelbench selftest"),
    (
        {"smallest_visible": None, "selftest_error": "x.json: is no JSON"},
        "note",
        "x.json: is no JSON",
        "reelbench selftest",
    ),
    ({"settings": {"nodes": (0, 1)}}, "note", "2 NUMA nodes", "numactl --cpunodebind=0"),
    ({"settings": SIBLINGS}, "note", "8 CPUs are threads of 4 cores", "taskset -c 0-2,6 "),
    ({"gpu": {"persistence": False}}, "note", "persistence mode is off", "nvidia-smi -pm 1"),
    ({"settings": {"swap_used_bytes": 2**30}}, "note", "1.00 GiB of memory is swapped", "swapoff"),
    (
        {"facts": CPU | {"allocator": "default", "accelerator": None}, "gpus": ()},
        "note",
        "small pages",
        "GLIBC_TUNABLES=$m.hugetlb=1:",
    ),
    ({"settings": {"huge_pages": "always"}}, "note", "set to always", "echo madvise"),
    ({"settings": {"huge_pages": "never"}}, "note", "set to never", "echo madvise"),
    (
        {"settings": {"boost": "intel_pstate/no_turbo"}},
        "note",
        "turbo",
        "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo",
    ),
    (
        {"settings": {"boost": "cpufreq/boost"}},
        "note",
        "turbo",
        "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
    ),
]


@pytest.mark.parametrize(("changes", "severity", "what", "do"), CONDITIONS)
def test_each_condition_has_its_advice_with_the_figure_and_what_to_do(changes, severity, what, do):
    (found,) = advice(seen(**changes))
    assert found.severity.value == severity
    assert what in found.what
    assert do in f"{found.do} {found.line}"
    assert found.why


@pytest.mark.parametrize(
    ("reason", "severity", "why"),
    [
        ("hw_thermal_slowdown", "disturbs", "too hot"),
        ("sw_thermal_slowdown", "disturbs", "hot"),
        ("hw_power_brake_slowdown", "disturbs", "power supply"),
        ("hw_slowdown", "disturbs", "power supply"),
        ("sw_power_cap", "changes", "power cap"),
        ("applications_clocks_setting", "changes", "fixed its clocks"),
        ("sync_boost", "changes", "slowest GPU"),
        ("display_clocks_setting", "changes", "display"),
        ("something_new", "changes", "its driver"),
    ],
)
def test_each_reason_for_a_lower_clock_is_told_with_what_it_means(reason, severity, why):
    health = {"throttle_reasons": [reason], "accelerator_clock_share": 0.6}
    (found,) = advice(seen(health=health))
    assert found.severity.value == severity
    assert why in found.why
    assert f"60 % of its highest: {reason.replace('_', ' ')}" in found.what


def test_a_variable_that_keeps_jax_from_the_gpu_is_what_to_unset():
    first, second = advice(seen(facts=CPU | {"environment": "JAX_PLATFORMS=cpu"}))
    assert first.do == "unset JAX_PLATFORMS"
    assert second.severity is Severity.CHANGES


def test_a_machine_without_an_accelerator_may_compute_on_its_cpu():
    assert advice(seen(facts=CPU | {"accelerator": None}, gpus=())) == []


def test_a_load_average_that_still_holds_earlier_work_is_no_other_work():
    assert advice(seen(facts={"load_1m": 7.0})) == []  # the share of now is known
    short = {"cpus_usable": 2, "cgroup_cpus": 2.0, "load_1m": 0.4}
    assert advice(seen(facts=short, health={"others_share": None})) == []


def test_of_several_gpus_it_is_said_how_many():
    capped = GpuSettings(power_cap_w=500.0, default_cap_w=700.0)
    (found,) = advice(seen(gpus=[GPU, capped, GPU, capped]))
    assert "2 of 4 GPUs may draw 500 W" in found.what


def test_gpus_that_tell_nothing_of_their_settings_give_no_advice():
    assert advice(seen(gpus=[GpuSettings(), GpuSettings(power_cap_w=500.0)])) == []


EVERYTHING = {
    "facts": {
        "backend": "cpu",
        "cgroup_cpus": 2.0,
        "xla_flags": "--x",
        "cpu_governor": "powersave",
    },
    "health": {
        "others_share": 0.5,
        "steal_share": 0.2,
        "throttled_share": 0.1,
        "neighbours": 1,
        "throttle_reasons": ["sw_power_cap", "hw_thermal_slowdown"],
    },
    "settings": {
        "nodes": (0, 1),
        "boost": "cpufreq/boost",
        "battery_share": 0.5,
        "memory_left_bytes": 1,
    },
    "gpu": {"persistence": False, "power_cap_w": 1.0},
    "smallest_visible": None,
}


def test_what_matters_most_comes_first():
    found = advice(seen(**EVERYTHING))
    assert [each.what for each in found] == [
        "JAX computes on the CPU and leaves the NVIDIA H100 unused",
        "other work takes 50 % of the 8 CPUs, none of it a process that can be seen from here",
        "the hypervisor gives 20 % of this machine's CPU time to others",
        "the CPU quota stopped this container for 10 % of the time",
        "this container may use 2 CPUs but sees 8",
        "other processes compute on the GPU: 1",
        "the GPU's clock is held down: hw thermal slowdown",
        "only 1 B of memory is free",
        "the machine runs from its battery (50 % left)",
        "XLA_FLAGS is set (--x)",
        "the GPU's clock is held down: sw power cap",
        "the GPU may draw 1 W, and 700 W as shipped",
        "the CPU frequency governor is powersave",
        "no self-test of this machine is stored",
        "the CPUs lie on 2 NUMA nodes",
        "persistence mode is off on the GPU",
        "the CPUs' boost clocks (turbo) are on",
    ]


parts = st.lists(st.sampled_from([changes for changes, *_ in CONDITIONS]), max_size=6)


@given(parts)
def test_whatever_is_seen_severities_never_rise_again(chosen):
    merged = {}
    for changes in chosen:
        for name, value in changes.items():
            old = merged.get(name)
            merged[name] = old | value if isinstance(old, dict) else value
    order = [list(Severity).index(each.severity) for each in advice(seen(**merged))]
    assert order == sorted(order)


def test_a_line_to_copy_sets_what_the_c_library_reads_however_it_is_broken():
    known = CPU | {"allocator": "default", "accelerator": None}
    (line,) = [each.line for each in advice(seen(facts=known, gpus=())) if each.line]
    script = "\n".join([*textwrap.wrap(line, 90), "env"])
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    (setting,) = [each for each in said.splitlines() if each.startswith("GLIBC_TUNABLES=")]
    assert setting.startswith("GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:")
