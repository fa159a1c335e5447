"""Power and energy, each with its boundary: the device, the server around it, the facility.

Functions of arrays in SI base units; estimates are taken as they are. After Epoch AI's model of the
power of training runs (2024): chip power × server multiplier × load × PUE.
"""

from __future__ import annotations

from typing import Any


def device_power(thermal_design_power: Any, load: Any) -> Any:
    """Watts that a device draws in training: its thermal design power times the load fraction."""
    return thermal_design_power * load


def server_power(device: Any, multiplier: Any) -> Any:
    """Watts of a device with its share of the server: hosts, switches, fans."""
    return device * multiplier


def facility_power(server: Any, pue: Any) -> Any:
    """Watts at the meter: servers times power usage effectiveness."""
    return server * pue


def devices_within(cap: Any, power: Any) -> Any:
    """Devices that a site of ``cap`` watts feeds, of ``power`` watts each."""
    return cap / power
