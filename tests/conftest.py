"""Unit tests run with sockets off; only tests marked integration or e2e meet real servers."""

import pytest
from pytest_socket import disable_socket, enable_socket


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("integration") or item.get_closest_marker("e2e"):
        enable_socket()
    else:
        disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    enable_socket()
