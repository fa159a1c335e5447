"""Collectives against NumPy, on three devices that XLA makes of one CPU, and on one."""

import json
import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from reelbench.layers.collective import GradientReduction

# The number of devices is fixed when JAX starts, so it starts in a process of its own.
PROGRAM = """
import json, sys
import jax, jax.numpy as jnp, numpy as np
from reelbench.layers.collective import GradientReduction
rows = jnp.asarray(json.loads(sys.argv[2]))
print(json.dumps(np.asarray(jax.jit(GradientReduction(sys.argv[1]).__call__)(rows)).tolist()))
"""


def on_three_devices(kind, rows):
    flags = "--xla_force_host_platform_device_count=3"
    command = [sys.executable, "-c", PROGRAM, kind, json.dumps(rows.tolist())]
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return np.array(json.loads(done.stdout))


@pytest.mark.parametrize("kind", ["all_reduce", "reduce_scatter", "all_gather"])
def test_three_devices_agree_with_numpy(kind):
    rows = np.random.default_rng(0).standard_normal((3, 7)).astype(np.float32)
    got = on_three_devices(kind, rows)
    mean = rows.mean(axis=0)
    padded = np.append(mean, [0, 0])  # seven do not go into three shares
    gathered = np.concatenate([row[:3] for row in rows])[:7]
    expected = {
        "all_reduce": np.tile(mean, (3, 1)),
        "reduce_scatter": padded.reshape(3, 3),
        "all_gather": np.tile(gathered, (3, 1)),
    }[kind]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ["all_reduce", "reduce_scatter", "all_gather"])
def test_one_device_has_nothing_to_tell(kind):
    row = jnp.arange(5.0)[None]
    assert (GradientReduction(kind)(row) == row).all()


def test_what_is_sent_has_the_dtype_of_the_computation():
    row = jnp.arange(5.0)[None]
    assert GradientReduction("all_reduce", dtype=jnp.bfloat16)(row).dtype == jnp.bfloat16
