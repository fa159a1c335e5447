"""How much video there is: from a fleet or a corpus to frames, clips and bytes.

Functions of arrays; estimates are taken as they are.
"""

from __future__ import annotations

from typing import Any

DAY_S = 86400.0


def fleet_frames(vehicles: Any, cameras: Any, frame_rate: Any, recording: Any) -> Any:
    """Frames that a fleet records in a second.

    Args:
        vehicles: Vehicles that record.
        cameras: Cameras of each.
        frame_rate: Of a camera, in frames/s.
        recording: Share of the time for which a vehicle records.
    """
    return vehicles * cameras * frame_rate * recording


def fleet_bytes(vehicles: Any, cameras: Any, bitrate: Any, recording: Any) -> Any:
    """Bytes that a fleet records in a second; ``bitrate`` of a camera is in bytes/s."""
    return vehicles * cameras * bitrate * recording


def tokens_of(frames: Any, tokens_per_frame: Any) -> Any:
    """Tokens in so many frames."""
    return frames * tokens_per_frame


def transformer_flops_per_token(
    parameters: Any, layers: Any = 0, width: Any = 0, sequence: Any = 0
) -> Any:
    """FLOPs of forward and backward for a token: ``6N + 12·L·d·s``.

    The second term is attention over ``sequence`` tokens, which 6N leaves out; without layers it is
    not added (Chowdhery et al. 2022, arXiv:2204.02311, appendix B).

    Args:
        parameters: N.
        layers: L, transformer blocks.
        width: d, channels of a token.
        sequence: s, tokens that attend to each other.
    """
    return 6 * parameters + 12 * layers * width * sequence
