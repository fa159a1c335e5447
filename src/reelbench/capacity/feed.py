"""What brings clips to the devices: storage, decoding, the host's link.

Functions of arrays in SI base units; estimates are taken as they are. Each gives clips/s for all
devices together; the rate of training is the least of them and of compute.
"""

from __future__ import annotations

from typing import Any


def storage_rate(bandwidth: Any, clip_size: Any) -> Any:
    """Clips/s that storage of ``bandwidth`` bytes/s delivers, of ``clip_size`` bytes each."""
    return bandwidth / clip_size


def decode_rate(cores: Any, rate: Any, frames: Any, excess: Any) -> Any:
    """Clips/s that so many cores decode.

    Args:
        cores: That decode, of all devices.
        rate: Frames/s that one core decodes.
        frames: Used of a clip.
        excess: Frames decoded over frames used; seeking inside a group of pictures makes it more
            than one.
    """
    return cores * rate / (frames * excess)


def host_link_rate(bandwidth: Any, decoded_size: Any, devices: Any) -> Any:
    """Clips/s over the host's links of ``bandwidth`` bytes/s a device, decoded size in bytes."""
    return devices * bandwidth / decoded_size


def epoch_floor(size: Any, bandwidth: Any) -> Any:
    """Least seconds of an epoch: the data set's bytes over the bytes/s of storage."""
    return size / bandwidth
