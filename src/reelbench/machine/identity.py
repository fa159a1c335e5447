"""The machine id: a readable name and a hash of the facts that are stable.

Only facts of kind ``hardware`` are hashed, so the same machine has the same id on every run
whatever runs on it, and two machines that differ in hardware differ in id. Two machines with the
very same hardware share an id: nothing that identifies one specimen is collected.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from reelbench.machine.facts import Fact
from reelbench.machine.fields import FIELDS

_NOISE = re.compile(
    r"\((?:r|tm)\)|\b(?:nvidia|intel|amd|processor|cpu|gpu|with|graphics|core|\d+-core)\b|@.*",
    re.IGNORECASE,
)


def machine_id(facts: Mapping[str, Fact]) -> str:
    """The id, such as ``epyc-2c-24g-1f0c9a2b``; lower case, safe as a folder name."""
    stable = {name: facts.get(name) for name, field in FIELDS.items() if field.kind == "hardware"}
    digest = hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()[:8]
    return f"{_readable(facts)}-{digest}"


def _readable(facts: Mapping[str, Fact]) -> str:
    parts = []
    if facts.get("accelerator"):
        parts.append(f"{facts.get('accelerator_count', 1)}x {facts['accelerator']}")
    parts.append(str(facts.get("cpu_model") or facts.get("architecture") or "machine"))
    parts.append(f"{facts.get('cpu_threads') or '?'}c")
    memory = facts.get("memory_bytes")
    if isinstance(memory, int | float):
        parts.append(f"{memory / 2**30:.0f}g")
    plain = " ".join(_NOISE.sub(" ", part) for part in parts).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].rstrip("-")
