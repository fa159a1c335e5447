"""The commands by name; each is loaded when it is called."""

from __future__ import annotations

from cyclopts import App

from reelbench import __version__

app = App(
    name="reelbench",
    help="How fast the layers of video models train in JAX on this machine. Measure with "
    "`pytest --benchmark-only`; read, list and compare with these commands.",
    version=__version__,
    suppress_keyboard_interrupt=False,
)

for _name, _place, _help in (
    ("list", "listing:list_catalogue", "What can be measured: layers, their presets, and models."),
    ("show", "show:show", "What one run measured, or what a model is made of."),
    (
        "compare",
        "compare:compare_runs",
        "Two or more runs: what differs, ratios, verdicts; a gate.",
    ),
    ("history", "history:show_history", "A machine's cases over time, and where they changed."),
    ("merge", "merge:merge_files", "One result file of several runs of one machine."),
    ("export", "export:export", "Result files as one table: CSV, JSON, Markdown, Parquet."),
    ("ab", "ab:ab", "Two environments compared on this machine: faster, slower or unchanged."),
    ("selftest", "selftest:selftest", "How small a slowdown this machine can see."),
    ("predict", "predict:predict", "A model's training step from measured layers."),
    ("plan", "plan:plan_scenario", "Devices, days, kWh and money for a scenario."),
    ("validate", "validate:validate", "Predictions held against what was measured or published."),
    ("doctor", "doctor:doctor", "What is known of this machine, and what disturbs measuring."),
):
    app.command(f"reelbench.cli.{_place}", name=_name, help=_help)
