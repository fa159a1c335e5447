"""Scenarios for tests, as text."""

BASE = """
title = "a test"

[[model]]
name = "net"
clips = "1e6 clips"
epochs = 2
throughput = { value = "10 to 20 clips/s", kind = "published", source = "a paper" }

[device]
kind = "h100"
count = 64
"""


def text(base=BASE, **changes):
    """The base with whole lines replaced, by the key they begin with; None leaves the line out."""
    lines = []
    for line in base.splitlines():
        key = line.partition("=")[0].strip()
        if key in changes:
            if changes[key] is not None:
                lines.append(f"{key} = {changes[key]}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def figure(value, kind="assumed", source="a test"):
    """A figure in TOML."""
    return f'{{ value = "{value}", kind = "{kind}", source = "{source}" }}'
