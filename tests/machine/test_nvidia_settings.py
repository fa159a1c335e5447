"""GPU settings are told as nvidia-smi prints them, and unknown where it does not."""

import pytest

from reelbench.machine import nvidia, nvidia_settings
from reelbench.machine.nvidia_settings import GpuSettings


@pytest.fixture
def gpus(tmp_path, monkeypatch):
    """Put an nvidia-smi that prints these rows of settings on the PATH; return what is read."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(*rows):
        lines = "\n".join(f"echo '{row}'" for row in rows)
        script = tmp_path / "nvidia-smi"
        script.write_text(
            '#!/bin/sh\ncase "$*" in\n'
            "*driver_version*) echo 'NVIDIA H100, 81559, 570.86.15, 700.00, 1980';;\n"
            f"*default_limit*) {lines or ':'};;\n*) exit 2;;\nesac\n"
        )
        script.chmod(0o755)
        nvidia._ask.cache_clear()
        return nvidia_settings.read()

    yield put
    nvidia._ask.cache_clear()


def test_cap_persistence_and_slices_are_told(gpus):
    assert gpus("500.00, 700.00, Disabled, Enabled", "700.00, 700.00, Enabled, Disabled") == [
        GpuSettings(500.0, 700.0, persistence=False, sliced=True),
        GpuSettings(700.0, 700.0, persistence=True, sliced=False),
    ]


def test_what_nvidia_smi_does_not_know_is_unknown(gpus):
    assert gpus("[N/A], [Not Supported], [Unknown Error], [N/A]") == [GpuSettings()]


def test_an_nvidia_smi_without_an_answer_tells_no_settings(gpus):
    assert gpus() == []


def test_hidden_gpus_are_not_asked(gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus("500.00, 700.00, Disabled, Enabled") == []
