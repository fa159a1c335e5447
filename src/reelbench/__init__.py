"""reelbench: how fast the layers of video models train in JAX on this machine."""

__version__ = "0.1.0"
