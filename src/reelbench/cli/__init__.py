"""The ``reelbench`` command. Exit codes: 0 answered, 2 usage or unreadable input, 130 interrupted.

A gate (``ab --fail-slower``) adds 1 for failed and 3 for not decided.

Commands are loaded when they are called, so that ``reelbench --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

ANSWERED, UNUSABLE, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what went wrong is said in one line on standard error.

    Args:
        arguments: Words after ``reelbench``; those of the process by default.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark, not a crash.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return ANSWERED
    except Exception as error:
        if isinstance(error, OSError):
            _discard_output()  # what is still buffered would fail again when the process ends
        return _complain(_explain(error))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        import cyclopts
    except ModuleNotFoundError as error:
        if error.name != "cyclopts":
            raise
        return _complain("the commands need more packages: pip install 'reelbench[all]'")
    from reelbench.cli.app import app

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except cyclopts.CycloptsError as error:
        return _complain(str(error))
    if sys.stdout:
        sys.stdout.flush()
    return code if isinstance(code, int) else ANSWERED


def _explain(error: Exception) -> str:
    from reelbench.cli.arguments import EXPECTED

    if isinstance(error, EXPECTED):
        return str(error)
    if isinstance(error, OSError):
        return f"the system refused: {error.strerror or error}"
    # A mistake of ours. Its place is named, without paths of this machine.
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place else "?"
    return f"internal error, please report it: {type(error).__name__}: {error} ({where})"


def _complain(problem: str) -> int:
    from reelbench.report.text import visible

    with contextlib.suppress(OSError):
        print(f"reelbench: {visible(' '.join(problem.split()))}", file=sys.stderr, flush=True)
    return UNUSABLE


def _discard_output() -> None:
    """Let the interpreter's last flush go nowhere, as the reader of the pipe is gone."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
