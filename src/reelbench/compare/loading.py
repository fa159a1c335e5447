"""Reads many result files, each shortened as it is read, and the self-tests beside them."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import force_setattr

from reelbench.compare.digest import Digest, digest
from reelbench.compare.sides import Noise
from reelbench.results import noise as selftests
from reelbench.results.noise import SelfTest
from reelbench.results.read import load
from reelbench.results.schema import Identity

# Starting a process costs as much as reading so many bytes.
_ALONE_BYTES = 24 * 2**20
_MOST_PROCESSES = 8
_CHUNK = 16


def digests(paths: Sequence[Path]) -> list[Digest]:
    """Read result files in the order given; large folders on several processors.

    No more than a few numbers a case of a file are kept.

    Raises:
        ResultFileError: A file cannot be read; the first such in order.
    """
    # The content of files holds no cycles: looking for some takes a third of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return _digests(paths)
    finally:
        if collects:
            gc.enable()


def _digests(paths: Sequence[Path]) -> list[Digest]:
    workers = min(os.cpu_count() or 1, _MOST_PROCESSES, len(paths) // _CHUNK)
    if workers < 2 or sum(map(_size, paths)) < _ALONE_BYTES:
        return _shared(_read(path) for path in paths)
    # Not forked: NumPy's threads would not survive it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=gc.disable) as pool:
        encoded = pool.map(_read_encoded, paths, chunksize=_CHUNK)
        return _shared(msgspec.msgpack.decode(each, type=Digest) for each in encoded)


def _read(path: Path) -> Digest:
    return digest(load(path), str(path))


def _read_encoded(path: Path) -> bytes:
    # Decoded again several times as fast as pickled objects.
    return msgspec.msgpack.encode(_read(path))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # said better where it is read


def _shared(found: Iterable[Digest]) -> list[Digest]:
    """The digests, with one identity for all readings of a case instead of one each."""
    known: dict[Identity, Identity] = {}
    shared = []
    for each in found:
        for reading in each.readings:
            # Nobody else has the reading yet.
            force_setattr(reading, "identity", known.setdefault(reading.identity, reading.identity))
        shared.append(each)
    return shared


def noise_beside(path: Path, machine: str | None) -> Noise | None:
    """What the self-tests stored in the folder of a result file found of its machine.

    Raises:
        ResultFileError: One of them cannot be read.
    """
    if machine is None:
        return None
    tests = selftests.stored(path.parent, machine)
    if not tests:
        return None
    return Noise(
        process=float(np.median([test.process_spread for test in tests])),
        session=session_spread(tests),
        sessions=len(tests),
    )


def session_spread(tests: Sequence[SelfTest]) -> float | None:
    """Standard deviation, from one self-test to the next, of what a probe takes, as a logarithm.

    Median over the probes; None of one self-test alone.
    """
    levels: dict[str, list[float]] = {}
    for test in tests:
        for case in test.paired.cases:
            if case.planted == 0 and case.pairs:
                logs = [
                    np.log(np.median([block.a_median_s for block in pair.blocks]))
                    for pair in case.pairs
                ]
                levels.setdefault(case.a_name, []).append(float(np.mean(logs)))
    spreads = [float(np.std(each, ddof=1)) for each in levels.values() if len(each) > 1]
    return float(np.median(spreads)) if spreads else None
