"""Capacity models: from a scenario to devices, days, energy and money, without JAX.

A scenario (`scenario`, `reading`) is figures with kinds and sources; `joining` adds what is known
elsewhere, measured `rates` among it; a `question` makes estimates of all of them (`estimate`,
`spread`, `quantities`), and `plan` composes the equations of `demand`, `step`, `feed`, `goodput`,
`energy` and `money`. `explaining` says what the uncertainty comes from, `limits` what binds,
`answers` and `sweep` ask the other way round, `validate` holds it against what others published.
"""
