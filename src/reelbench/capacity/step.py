"""What a training step takes on many devices: communication, pipeline, stragglers, memory.

Functions of arrays in SI base units; estimates are taken as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def ring_all_reduce(size: Any, devices: Any, bandwidth: Any, latency: Any) -> Any:
    """Seconds of an all-reduce in a ring: ``2(n−1)α + 2(n−1)/n · V/B``.

    Thakur, Rabenseifner and Gropp 2005, doi:10.1177/1094342005051521.

    Args:
        size: V, bytes on each device.
        devices: n.
        bandwidth: B, bytes/s of a device in a direction.
        latency: α, seconds of a message.
    """
    return 2 * (devices - 1) * latency + 2 * (devices - 1) / devices * (size / bandwidth)


def tree_all_reduce(size: Any, devices: Any, bandwidth: Any, latency: Any) -> Any:
    """Seconds of an all-reduce in two trees: ``2·log₂n·α + 2V/B``, nothing on one device.

    Sanders, Speck and Träff 2009, doi:10.1016/j.parco.2009.09.001. Arguments as for the ring.
    """
    several = np.minimum(devices - 1, 1)
    return 2 * np.log2(devices) * latency + 2 * several * (size / bandwidth)


def overlapped(compute: Any, communication: Any, overlap: Any) -> Any:
    """Seconds of compute with communication of which a share is hidden behind it.

    ``T_compute + max((1−ω)·T_comm, T_comm − T_compute)``: no more can hide than there is compute.
    """
    exposed = np.maximum((1 - overlap) * communication, communication - compute)
    return compute + exposed


def pipeline_factor(microbatches: Any, stages: Any) -> Any:
    """By how much filling and draining a pipeline lengthens a step: ``(m+p−1)/m``.

    Huang et al. 2019, arXiv:1811.06965; Narayanan et al. 2021, arXiv:2104.04473.
    """
    return (microbatches + stages - 1) / microbatches


def straggler_factor(variation: Any, nodes: Any) -> Any:
    """By how much waiting for the slowest of n nodes lengthens a step: ``1 + σ·√(2 ln n)``.

    The leading term of the expected maximum of n normal variables (Cramér 1946, section 28.6),
    which bounds it from above; σ is the standard deviation of a node's step time over its mean.
    """
    return 1 + variation * np.sqrt(2 * np.log(np.maximum(nodes, 1)))


def memory_per_device(
    parameters: Any, state: Any, split: Any, shards: Any, activations: Any
) -> Any:
    """Bytes that a device must hold.

    Args:
        parameters: Of the model.
        state: Bytes of weights, gradients and optimizer state for each.
        split: Devices over which tensor and pipeline parallelism spread one replica.
        shards: Replicas over which the state is sharded (Rajbhandari et al. 2020,
            arXiv:1910.02054); 1 where each holds all of it.
        activations: Bytes kept for the backward pass of a replica's batch.
    """
    return parameters * state / (split * shards) + activations / split
