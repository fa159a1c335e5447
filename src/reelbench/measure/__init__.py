"""Measuring: build, compile, verify, time; and the pytest plugin that runs it."""
