"""What each harness claims, from its own source and documentation."""

from __future__ import annotations

import math

from claims import Claim, Reading, apart, around, grew, mann_whitney, stated, welch
from sitting import BENCHMARK, JAX_BENCH, REELBENCH, REPLICATES


def coloured(earlier: Reading, later: Reading) -> bool:
    """Whether pytest-jax-bench shows the run in green or red.

    As its ``compare_perf`` does: a difference of more than twice the root of both variances.
    """
    # Its file holds hundredths of a millisecond; in these it compares.
    (before, deviation), (after, other) = (
        [round(1e3 * run.figures[name], 2) for name in ("mean_s", "stddev_s")]
        for run in (earlier, later)
    )
    tolerance = 2 * math.sqrt(other**2 + deviation**2)
    return after < before - tolerance or after > before + tolerance


CLAIMS: dict[str, tuple[Claim, ...]] = {
    BENCHMARK: (
        Claim(
            "mean ± 1.96 s/√n",
            about="mean",
            figure="mean_s",
            nominal=0.95,
            interval=around("mean_s", lambda f: 1.96 * f["stddev_s"] / math.sqrt(f["rounds"])),
            rule="Welch's t-test",
            differs=welch,
        ),
        # z = 2.58: the margin that --benchmark-precision compares with at its default 99 %.
        Claim(
            "mean ± 2.58 s/√n",
            about="mean",
            figure="mean_s",
            nominal=0.99,
            interval=around("mean_s", lambda f: 2.5758 * f["stddev_s"] / math.sqrt(f["rounds"])),
        ),
        # The spread of a median is 1.25 IQR / (1.35 √n) for about normal rounds (McGill, Tukey &
        # Larsen, The American Statistician 32, 1978); 1.96 of them are 1.82 IQR/√n.
        Claim(
            "median ± 1.82 IQR/√n",
            nominal=0.95,
            interval=around("median_s", lambda f: 1.82 * f["iqr_s"] / math.sqrt(f["rounds"])),
            rule="Mann–Whitney test",
            differs=mann_whitney,
        ),
        *(
            Claim(
                "",
                rule=f"fail={name}:5%",
                differs=grew(f"{name}_s", 0.05),
            )
            for name in ("min", "mean", "median")
        ),
    ),
    JAX_BENCH: (
        Claim(
            "mean ± std",
            about="mean",
            figure="mean_s",
            interval=around("mean_s", lambda f: f["stddev_s"]),
        ),
        Claim(
            "mean ± 2 std",
            about="mean",
            figure="mean_s",
            interval=around("mean_s", lambda f: 2 * f["stddev_s"]),
            rule="green or red",
            differs=coloured,
        ),
    ),
    REELBENCH: (
        Claim(
            "median, 95 % interval",
            nominal=0.95,
            interval=stated,
            rule="intervals apart",
            differs=apart,
        ),
    ),
    REPLICATES: (
        Claim(
            "median, 95 % interval",
            about="typical",
            nominal=0.95,
            interval=stated,
            rule="intervals apart",
            differs=apart,
        ),
    ),
}

_NO_VERDICT = (
    "reelbench compare gives no verdict here; a reader may look whether the intervals overlap."
)

# What the words in a harness's table stand for.
NOTES: dict[str, tuple[str, ...]] = {
    BENCHMARK: (
        "It claims no interval. s, IQR and n are its columns StdDev, IQR and Rounds, as a reader "
        "uses them; 2.58 s/√n is what its --benchmark-precision looks at.",
        "Tests at 5 % of the rounds, as people make them; fail= is its --benchmark-compare-fail.",
    ),
    JAX_BENCH: (
        "mean ± std is what it prints; green or red is a difference of more than twice √(std² + "
        "std²) of the two runs, in its files' hundredths of a millisecond.",
    ),
    REELBENCH: ("One process knows nothing of other processes, and says so.", _NO_VERDICT),
    REPLICATES: (_NO_VERDICT,),
}
