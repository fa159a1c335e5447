"""The best of each side: a layer's fastest implementation here against its fastest there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable

import msgspec

from reelbench.compare.cases import Alike
from reelbench.compare.ratios import Background, Ratio, ratio
from reelbench.compare.sides import Pool, Side, pools_of


def best_of_each(base: Side, new: Side, backgrounds: tuple[Background, Background]) -> list[Ratio]:
    """Ratios of the layers that a side has in several implementations, or the sides in different.

    Which machine is better for a layer is decided by the best that each can do, and whether it is
    the same implementation is part of the answer. No verdict is given: the work may be done in
    another way.
    """
    left, right = _fastest(base), _fastest(new)
    found = []
    for key, (one, many) in left.items():
        if key not in right:
            continue
        other, more = right[key]
        if many or more or one.identity != other.identity:
            found.append(ratio(Alike(one, other), backgrounds, cases=1, threshold=None))
    return found


def _fastest(side: Side) -> dict[Hashable, tuple[Pool, bool]]:
    """The fastest implementation of each case, and whether there were several."""
    grouped: defaultdict[Hashable, list[Pool]] = defaultdict(list)
    for pool in pools_of(side):
        if pool.is_timed:
            layer = msgspec.structs.replace(pool.identity, implementation="")
            # The version is that of the layer, which all its implementations share.
            key = (layer, pool.newest.version, pool.newest.clock, side.newest.protocol)
            grouped[key].append(pool)
    return {
        key: (
            min(pools, key=lambda pool: pool.newest.median_s),
            len({pool.identity.implementation for pool in pools}) > 1,
        )
        for key, pools in grouped.items()
    }
