"""From measured layers to models, and from one machine to another, without JAX.

`step.predict_step` predicts the training step of a model from the layers of a run (`rates`), by its
`parts`, what is filled in for those that are missing (`filling`), what a sum misses (`structure`)
and what it needs of memory (`memory`). `machines` carries it to another machine by its `ceilings`,
and `validation` holds it against what was measured.
"""
