"""The facts that are known of a machine: name, label, unit and kind of each, once.

A fact of kind ``hardware`` goes into the machine id. ``limit`` is what this process may use of the
hardware; ``software`` is what runs on it; both belong to the run and are compared, not hashed.
``volatile`` facts change from minute to minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["hardware", "limit", "software", "volatile"]
Unit = Literal["", "bytes", "Hz", "W", "s"]


@dataclass(frozen=True)
class Field:
    """What is known about a fact.

    Attributes:
        name: Key in the result file.
        label: What people read.
        kind: How stable it is; see the module.
        unit: SI unit of a numeric fact.
    """

    name: str
    label: str
    kind: Kind
    unit: Unit = ""


# fmt: off
_TABLE = (
    #      name                       label                          kind        unit
    Field("architecture",            "architecture",                "hardware"),
    Field("system",                  "operating system",            "hardware"),
    Field("cpu_model",               "CPU",                         "hardware"),
    Field("cpu_signature",           "CPU vendor/family/model",     "hardware"),
    Field("cpu_cores",               "CPU cores",                   "hardware"),
    Field("cpu_threads",             "CPU threads",                 "hardware"),
    Field("cpu_features",            "CPU vector features",         "hardware"),
    Field("cpu_l2_bytes",            "L2 cache a core",             "hardware", "bytes"),
    Field("cpu_l3_bytes",            "L3 cache",                    "hardware", "bytes"),
    Field("memory_bytes",            "memory",                      "hardware", "bytes"),
    Field("accelerator",             "accelerator",                 "hardware"),
    Field("accelerator_count",       "accelerators",                "hardware"),
    Field("accelerator_memory_bytes", "memory an accelerator",      "hardware", "bytes"),
    Field("cpus_usable",             "CPUs usable",                 "limit"),
    Field("cgroup_cpus",             "CPUs by cgroup quota",        "limit"),
    Field("cgroup_memory_bytes",     "memory by cgroup",            "limit", "bytes"),
    Field("accelerator_power_cap_w", "accelerator power cap",       "limit", "W"),
    Field("visible_devices",         "devices made visible",        "limit"),
    Field("kernel",                  "kernel",                      "software"),
    Field("python",                  "Python",                      "software"),
    Field("jax",                     "jax",                         "software"),
    Field("jaxlib",                  "jaxlib",                      "software"),
    Field("flax",                    "flax",                        "software"),
    Field("optax",                   "optax",                       "software"),
    Field("numpy",                   "numpy",                       "software"),
    Field("pytest_benchmark",        "pytest-benchmark",            "software"),
    Field("reelbench",               "reelbench",                   "software"),
    Field("backend",                 "JAX backend",                 "software"),
    Field("backend_version",         "backend version",             "software"),
    Field("accelerator_driver",      "accelerator driver",          "software"),
    Field("matmul_precision",        "matmul precision",            "software"),
    Field("x64",                     "64-bit JAX",                  "software"),
    Field("xla_libraries",           "libraries XLA can call",      "software"),
    Field("xla_flags",               "XLA_FLAGS",                   "software"),
    Field("environment",             "other settings",              "software"),
    Field("allocator",               "memory allocator",            "software"),
    Field("cpus_kept_awake",         "CPUs kept awake",             "software"),
    Field("load_1m",                 "load average (1 min)",        "volatile"),
    Field("memory_available_bytes",  "memory available",            "volatile", "bytes"),
    Field("cpu_clock_hz",            "CPU clock",                   "volatile", "Hz"),
    Field("cpu_governor",            "CPU frequency governor",      "volatile"),
    Field("accelerator_clock_hz",    "accelerator clock",           "volatile", "Hz"),
)
# fmt: on

FIELDS = {field.name: field for field in _TABLE}
