"""Plugins and fixtures shared by all tests."""

pytest_plugins = ["pytester"]
