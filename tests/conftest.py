"""Plugins and settings shared by all tests."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

# How fast examples are drawn says how busy the machine is, not whether the code is right.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
