"""How the processes of a side are started."""

import os
from contextlib import ExitStack

import pytest

from reelbench.ab.launch import Launcher
from reelbench.ab.sides import HERE, read_side


@pytest.mark.skipif(not hasattr(os, "getsid"), reason="the system has no sessions")
def test_a_process_is_a_group_of_this_session(tmp_path):
    """Its own group, so that an interrupt spares it; this session, see `machine.awake`."""
    with ExitStack() as stack:
        process = Launcher(read_side(HERE), tmp_path, stack).start(
            ["reelbench.ab.worker", "{channel}"]
        )
        stack.callback(process.kill)
        assert os.getsid(process.pid) == os.getsid(0)
        assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
