"""Turns the words of ``reelbench compare`` into sides: files, globs, folders, standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reelbench.cli.arguments import UsageError, labelled
from reelbench.cli.paths import STANDARD_INPUT, expand
from reelbench.compare.digest import Digest, digest
from reelbench.compare.loading import digests, noise_beside
from reelbench.compare.sides import Side, side_of
from reelbench.results.read import parse, read_stream

_USUAL = ("base", "new")


@dataclass(frozen=True)
class _Group:
    """Files that make one side."""

    label: str
    paths: tuple[Path, ...] = ()
    stream: bool = False


def read_sides(words: Sequence[str]) -> list[Side]:
    """The sides that the user means; the first is the base.

    A labelled word, or a machine's folder, is one side, of all the runs in it. A folder of
    machines' folders is a side for each machine. Words of the same label are one side.

    Raises:
        UsageError: There are not two sides, or one holds several machines.
        ResultFileError: A file cannot be read.
    """
    groups = _groups(words)
    paths = [path for group in groups for path in group.paths]
    # All files at once, so that many small sides are read on several processors too.
    found = dict(zip(paths, digests(paths), strict=True))
    sides = [_side(group, found) for group in groups]
    if len(sides) < 2:
        raise UsageError(
            f"compare takes at least two sides, not {len(sides)}; write reelbench compare "
            "base=A.json new=B.json, or reelbench history FOLDER for one machine over time"
        )
    return sides


def _groups(words: Sequence[str]) -> list[_Group]:
    groups: list[_Group] = []
    for word in words:
        label, text = labelled(word)
        if text == STANDARD_INPUT:
            groups.append(_Group(label, stream=True))
            continue
        parts = expand(text)
        if label:
            groups.append(_Group(label, tuple(path for _, paths in parts for path in paths)))
        else:
            groups += [_Group(name, tuple(paths)) for name, paths in parts]
    if sum(group.stream for group in groups) > 1:
        raise UsageError("standard input can be one side only")
    groups = _joined(groups)
    if len(groups) == 2 and (groups[0].label == "new" or groups[1].label == "base"):
        groups.reverse()
    return _labelled(groups)


def _joined(groups: list[_Group]) -> list[_Group]:
    """Groups of the same label together; those without one stay apart."""
    joined: dict[str, _Group] = {}
    for place, group in enumerate(groups):
        key = group.label or f"\0{place}"
        before = joined.get(key)
        if before is None:
            joined[key] = group
        else:
            if before.stream or group.stream:
                raise UsageError("standard input can be one side only")
            paths = tuple(dict.fromkeys((*before.paths, *group.paths)))
            joined[key] = _Group(group.label, paths)
    return list(joined.values())


def _labelled(groups: list[_Group]) -> list[_Group]:
    """Every group with a label of its own: usual ones for two, else names of files."""
    taken = {group.label for group in groups}
    named = []
    for place, group in enumerate(groups):
        label = group.label
        if not label:
            usual = _USUAL[place] if place < (2 if len(groups) == 2 else 1) else ""
            stem = group.paths[0].stem if group.paths else "stdin"
            label = next(
                name
                for name in (usual, stem, *(f"{stem}#{n}" for n in range(2, len(groups) + 3)))
                if name and name not in taken
            )
            taken.add(label)
        named.append(_Group(label, group.paths, group.stream))
    return named


def _side(group: _Group, found: dict[Path, Digest]) -> Side:
    if group.stream:
        name = "standard input"
        stream = getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise UsageError("standard input is closed; name a file instead of -")
        return side_of(group.label, [digest(parse(read_stream(stream, name), name), name)])
    runs = [found[path] for path in group.paths]
    machines = sorted({run.machine for run in runs if run.machine})
    if len(machines) > 1:
        listed = ", ".join(machines[:4]) + (" …" if len(machines) > 4 else "")
        raise UsageError(f"{group.label}: holds runs of several machines ({listed}); name one")
    noise = noise_beside(group.paths[-1], machines[0] if machines else None)
    return side_of(group.label, runs, noise)
