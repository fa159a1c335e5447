"""Other processes are counted by what they did, not by being there."""

import os
import subprocess
import sys
import time

from reelbench.machine.others import busy, times


def test_a_process_at_work_is_counted_and_one_that_sleeps_is_not():
    before = {(1, 0.0): 100.0, (2, 0.0): 7.0}
    after = {(1, 0.0): 100.9, (2, 0.0): 7.01}
    assert busy(before, after, 1.0) == 1
    assert busy(before, after, 0.05) == 2


def test_a_process_that_is_new_is_counted_by_all_that_it_did():
    assert busy({}, {(1, 5.0): 0.5}, 1.0) == 1
    assert busy({(1, 0.0): 99.0}, {(1, 5.0): 0.5}, 1.0) == 1  # the id was given again


def test_one_that_ended_is_not_counted():
    assert busy({(1, 0.0): 100.0}, {}, 1.0) == 0


def test_this_process_is_not_among_the_others_and_a_busy_child_is():
    code = "print('on', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE) as other:
        try:
            other.stdout.readline()
            before = times()
            time.sleep(0.3)
            after = times()
        finally:
            other.kill()
    assert os.getpid() not in {pid for pid, _ in after}
    mine = {key: used for key, used in after.items() if key[0] == other.pid}
    assert len(mine) == 1
    assert busy(before, mine, 0.3) == 1
