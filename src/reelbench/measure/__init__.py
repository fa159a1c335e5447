"""Measuring one case: build, compile, verify, time."""
