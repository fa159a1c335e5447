"""What the arguments of pytest become when a run starts again."""

import time

from reelbench.plugin.watchdog import resuming_arguments, watched


def test_budget_and_resume_are_replaced_in_whichever_form_they_were_given():
    given = ["--benchmark-only", "--reel-budget", "5m", "-k", "swin", "--reel-resume", "old", "-x"]
    kept = ["--benchmark-only", "-k", "swin", "-x"]
    added = ["--reel-budget=42s", "--reel-resume=a.journal"]
    assert resuming_arguments(given, "a.journal", 42.3) == kept + added
    joined = ["--reel-budget=5m", "--reel-resume=old", "-k", "swin"]
    assert resuming_arguments(joined, "a.journal", 42.3) == ["-k", "swin", *added]


def test_a_resume_without_a_journal_does_not_swallow_the_option_after_it():
    given = ["--reel-resume", "--reel-pass=train"]
    assert resuming_arguments(given, "a.journal", 9.0)[0] == "--reel-pass=train"


def test_a_spent_budget_stays_a_valid_duration():
    assert "--reel-budget=1s" in resuming_arguments([], "a.journal", -3.0)


def test_the_watchdog_bites_once_late_and_never_in_time():
    bites = []
    with watched(0.05, lambda: bites.append(1)):
        time.sleep(0.2)
    with watched(5.0, lambda: bites.append(2)):
        pass
    time.sleep(0.05)
    assert bites == [1]
