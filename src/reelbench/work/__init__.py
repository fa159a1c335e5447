"""The work of layers, models and traced programs: FLOPs, bytes, parameters, kept activations."""

from reelbench.catalogue.counted import Count
from reelbench.work.count import of_assembled, of_parts, of_preset
from reelbench.work.flops import Flops, count_flops, nbytes, size

__all__ = [
    "Count",
    "Flops",
    "count_flops",
    "nbytes",
    "of_assembled",
    "of_parts",
    "of_preset",
    "size",
]
