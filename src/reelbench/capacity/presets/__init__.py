"""Scenarios that come with reelbench, one TOML file each."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources

from reelbench.catalogue.names import UnknownNameError


@functools.cache
def presets() -> dict[str, str]:
    """Titles of the presets by name."""
    folder = resources.files(__name__)
    files = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    return {
        name.removesuffix(".toml"): tomllib.loads((folder / name).read_text("utf-8"))["title"]
        for name in files
    }


def preset(name: str) -> bytes:
    """The file of a preset.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in presets():
        raise UnknownNameError("preset", name, tuple(presets()))
    return (resources.files(__name__) / f"{name}.toml").read_bytes()
