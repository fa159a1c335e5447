"""Parses and prints quantities; inside, everything is in SI base units."""

from __future__ import annotations

import math
import re

_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
_DURATION = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?) ?(ms|min|s|m|h|d|)")

# What 999.5 rounds to has four digits: from here on the next larger unit is used.
_ROUNDS_UP = 0.9995


class UnitError(ValueError):
    """A text that is not a quantity; the message says what would be."""


def parse_duration(text: str) -> float:
    """Seconds in a text such as ``90s``, ``1h30m`` or ``2.5 min``; a bare number is seconds.

    Raises:
        UnitError: The text is not a positive, finite duration.
    """
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip():
        raise UnitError(f"{text[:80]!r} is not a duration; write 90s, 5m or 1h30m")
    if any(unit == "" for _, unit in parts) and len(parts) > 1:
        raise UnitError(f"{text[:80]!r} lacks a unit; write 90s, 5m or 1h30m")
    seconds = sum(float(number) * _DURATION[unit or "s"] for number, unit in parts)
    if not 0 < seconds < math.inf:
        raise UnitError(f"{text[:80]!r} is not a positive duration; write 90s, 5m or 1h30m")
    return seconds


def parse_share(text: str) -> float:
    """Read a share such as ``3%`` or ``0.03``, between 0 and 1.

    Raises:
        UnitError: It is no such share.
    """
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise UnitError(f"{text[:80]!r} is no share; write one such as 3% or 0.03")
    return share


def print_change(logarithm: float) -> str:
    """The logarithm of a ratio as a signed percentage, such as ``+2.1 %``."""
    percent = 100 * math.expm1(min(logarithm, 20.0))
    return f"{percent:+.1f} %" if abs(percent) < 99.95 else f"{percent:+.3g} %"


def print_time(seconds: float) -> str:
    """A time with three significant digits, such as ``1.23 ms``."""
    if seconds == 0:
        return "0 s"
    for scale, unit in _TIMES:
        if seconds >= scale * _ROUNDS_UP:
            return f"{_three_digits(seconds / scale)} {unit}"
    return f"{_three_digits(seconds / 1e-9)} ns"


def print_duration(seconds: float) -> str:
    """A duration for people, such as ``2m05s``; `parse_duration` reads it back."""
    if not abs(seconds) < 1e9:
        return f"{seconds:.3g}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def print_rate(value: float, unit: str = "") -> str:
    """A count or rate with an SI prefix, such as ``12.3 GFLOP/s``."""
    for scale, prefix in _PREFIXES:
        if value >= scale * _ROUNDS_UP:
            return f"{_three_digits(value / scale)} {prefix}{unit}".rstrip()
    return f"{_three_digits(value)} {unit}".rstrip()


def print_bytes(value: float) -> str:
    """A memory size in binary units, such as ``1.5 GiB``."""
    for scale, unit in _BYTES:
        if value >= scale * _ROUNDS_UP:
            return f"{_three_digits(value / scale)} {unit}"
    return f"{value:.0f} B"


def print_ratio(ratio: float) -> str:
    """A ratio that shows a tenth of a per cent, such as ``1.003×``."""
    return f"{ratio:.3f}×" if 0.1 <= ratio < 10 else f"{_three_digits(ratio)}×"


def print_share(share: float) -> str:
    """A share as a percentage, such as ``62 %``."""
    percent = 100 * share
    if abs(percent) >= 1e6:
        return f"{percent:.3g} %"
    return f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.1f} %"


def _three_digits(value: float) -> str:
    if not 1e-6 <= abs(value) < 1e6:
        return f"{value:.3g}"
    digits = 2 - math.floor(math.log10(abs(value) * 1.0005))
    return f"{value:.{max(digits, 0)}f}"
