"""Samples into statements: intervals, warm-up, drift. NumPy only."""
