"""How many independent samples a series of times is worth."""

from __future__ import annotations

import numpy as np
from scipy import special

# A trend is taken out only if it is this many standard errors from none: less is often the
# wandering of correlated noise, and taking that out would make it look smaller than it is.
_TREND = 4.0
_LARGEST_CORRELATION = 0.98
_LAGS = np.arange(1, 400)
_GRID = np.linspace(0.0, 0.995, 400)
# Of the signs of an autoregressive series about its median: arcsine law of the normal distribution.
_SIGN_TIMES = np.array([1 + 2 * np.sum(2 / np.pi * np.arcsin(phi**_LAGS)) for phi in _GRID])

# Fitted on simulated series (see `reelbench.selftest.simulated`): how much of the time of normal
# scores counts for the median, what noise adds to the largest of three estimates (over the root of
# the length), and how a short series hides the slowest part.
_SCORES_SHARE, _NOISE, _HIDDEN = 0.9, 1.5, 8.0
_FEWEST_INDEPENDENT = 2.5


def independent_samples(series: np.ndarray) -> float:
    """The number of independent samples whose median would be known as well.

    The length over the integrated autocorrelation time of the signs about the median. That is the
    largest of three estimates, as each of them misses something: an autoregressive fit to normal
    scores, corrected for the bias of short series (Kendall, Biometrika 41, 1954), misses bursts;
    the sums of positive pairs of Geyer ("Practical Markov Chain Monte Carlo", Statistical Science
    7, 1992) over the signs and over the scores are cut short by noise.

    Args:
        series: Times or their logarithms in the order measured, at least six, without a trend.
    """
    count = len(series)
    if np.ptp(series) == 0:
        return float(count)
    scores = normal_scores(series)
    signs = np.sign(series - np.median(series))
    time = max(
        float(np.interp(correlation(scores, lost=3), _GRID, _SIGN_TIMES)),
        _positive_pairs(signs),
        _SCORES_SHARE * _positive_pairs(scores),
    )
    time = max(time - _NOISE / np.sqrt(count), 1.0)
    time *= 1 + _HIDDEN * (time - 1) / count
    return max(count / time, _FEWEST_INDEPENDENT)


def trend(series: np.ndarray) -> tuple[np.ndarray, bool]:
    """The straight line through a series, about zero, and whether it is more than noise.

    The standard error of its slope takes the noise for autoregressive.
    """
    count = len(series)
    times = np.arange(count) - (count - 1) / 2
    squares = float(times @ times)
    slope = float(times @ series) / squares
    line = slope * times
    rest = series - np.mean(series) - line
    size = float(rest @ rest)
    if size <= 1e-24 * count:
        return line, slope != 0.0 and bool(np.ptp(series) > 0)
    phi = correlation(rest, lost=4)
    error = np.sqrt(size / (count - 2) / squares * (1 + phi) / (1 - phi))
    return line, bool(abs(slope) > _TREND * error)


def correlation(series: np.ndarray, *, lost: int) -> float:
    """Correlation of neighbours, corrected for its bias in a short series; between 0 and 0.98.

    Args:
        series: The samples.
        lost: Parameters that were fitted, which the correction needs: 3 for a mean, 4 for a line.
    """
    centred = series - np.mean(series)
    size = float(centred @ centred)
    if size == 0 or len(series) <= lost:
        return 0.0
    raw = float(centred[1:] @ centred[:-1]) / size
    return float(np.clip((len(series) * raw + 1) / (len(series) - lost), 0, _LARGEST_CORRELATION))


def normal_scores(series: np.ndarray) -> np.ndarray:
    """The quantiles of a normal distribution at the samples' ranks; equal samples score alike."""
    _, places, counts = np.unique(series, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - counts / 2
    return special.ndtri(ranks[places] / len(series))


def _positive_pairs(series: np.ndarray) -> float:
    """Integrated autocorrelation time by Geyer's initial monotone sequence."""
    count = len(series)
    centred = series - np.mean(series)
    spectrum = np.fft.rfft(centred, 2 * count)
    covariances = np.fft.irfft(spectrum * np.conj(spectrum))[:count]
    if covariances[0] <= 0:
        return 1.0
    correlations = covariances / covariances[0]
    time, last = -1.0, np.inf
    for lag in range(0, count // 2 - 1, 2):
        pair = min(float(correlations[lag] + correlations[lag + 1]), last)
        if pair <= 0:
            break
        last = pair
        time += 2 * pair
    return max(time, 1.0)
