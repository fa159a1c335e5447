"""Caches that processors share are counted once, of those processors that are used."""

from __future__ import annotations

import pytest

from reelbench.machine.shared_caches import instances


@pytest.fixture
def cpus(tmp_path):
    """Four processors: a level 2 for each, a level 3 for each pair."""
    for number, pair in enumerate(["0-1", "0-1", "2-3", "2-3"]):
        for index, level, shared in (("index2", "2", str(number)), ("index3", "3", pair)):
            folder = tmp_path / f"cpu{number}" / "cache" / index
            folder.mkdir(parents=True)
            (folder / "level").write_text(f"{level}\n")
            (folder / "shared_cpu_list").write_text(f"{shared}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("level", "usable", "expected"),
    [(3, (0, 1, 2, 3), 2), (3, (0, 1), 1), (3, (1, 2), 2), (2, (0, 1, 2, 3), 4), (2, (3,), 1)],
)
def test_each_is_counted_once(cpus, level, usable, expected):
    assert instances(level, usable, cpus) == expected


@pytest.mark.parametrize("usable", [(), (7,)])
def test_one_is_assumed_where_nothing_is_told(cpus, usable):
    assert instances(3, usable, cpus) == 1
