"""``reelbench merge``: one result file of several runs of one machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from reelbench.cli.arguments import UsageError
from reelbench.cli.paths import STANDARD_INPUT, result_files
from reelbench.results.read import read_bytes
from reelbench.results.store import write_new


def merge_files(*runs: str, output: Annotated[Path, Parameter(allow_leading_hyphen=True)]) -> None:
    """One result file of several runs of one machine and its software, processes kept apart.

    The order of the files does not matter, and merging a file in again changes nothing.

    Args:
        runs: Result files, globs or folders.
        output: The file to write, which must not exist; - for standard output.
    """
    from reelbench.merge import merge

    paths = result_files(runs)
    if not paths:
        raise UsageError("name the files to merge: reelbench merge A.json B.json --output C.json")
    data = merge([(str(path), read_bytes(path)) for path in paths])
    if str(output) == STANDARD_INPUT:
        if sys.stdout:
            sys.stdout.buffer.write(data)
        return
    try:
        write_new(output, data)
    except FileExistsError:
        raise UsageError(f"--output {output}: exists already; name a new file") from None
    except OSError as error:
        problem = error.strerror or str(error)
        raise UsageError(f"--output {output}: cannot be written ({problem})") from None
    if sys.stderr:
        print(f"reelbench: {len(paths)} files merged into {output}", file=sys.stderr)
