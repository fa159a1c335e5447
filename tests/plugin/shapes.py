"""What two result files have in common when only their times differ."""

import json


def shape_of(value):
    """The structure of a JSON value: keys, lengths and types, without the values."""
    if isinstance(value, dict):
        return {key: shape_of(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [shape_of(item) for item in value[:1]]
    return "number" if isinstance(value, int | float) else type(value).__name__


def comparable(file):
    """A file's content without what may differ between runs, and its number of processes."""
    made = json.loads(file.read_text())
    processes = made["reelbench"].pop("processes")
    made["machine_info"]["reelbench"]["facts"].pop("cpu_clock_hz", None)
    for benchmark in made["benchmarks"]:
        # A process that was killed does not come back.
        for replicate in benchmark["extra_info"]["reelbench"]["timing"]["replicates"]:
            replicate["later"] = []
    return made, len(processes)
