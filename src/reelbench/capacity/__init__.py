"""Capacity models: from a scenario to devices, days, energy and money, without JAX.

A scenario (`scenario`, `reading`) is figures with kinds and sources; `drawing` makes estimates of
them (`estimate`, `spread`, `quantities`), `plan` composes the equations of `demand`, `step`,
`feed`, `goodput`, `energy` and `money`; `rates` brings measured step times in. `explaining` says
what the uncertainty comes from, `limits` what binds, `answers` and `sweep` ask the other way round,
`validate` holds it all against what others published.
"""
