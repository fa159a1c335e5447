"""Plugins and settings shared by all tests."""

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pytest that a test starts is no worker of this one: pytest-benchmark measures in it."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)


def pytest_configure(config: pytest.Config) -> None:
    # pytest loads this file under --benchmark-only too, where hypothesis need not be installed.
    if not config.pluginmanager.hasplugin("hypothesispytest"):
        return
    from hypothesis import HealthCheck, settings

    # How fast examples are drawn says how busy the machine is, not whether the code is right.
    settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("shared")
