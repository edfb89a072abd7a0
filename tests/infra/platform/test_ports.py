"""Tests that a taken port is reported in one sentence with the port, its holder and the setting."""

import socket

import pytest

from infra.platform.errors import StackError
from infra.platform.ports import check_free, find_free_ports, is_free

pytestmark = pytest.mark.integration


def test_taken_port_names_holder_and_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError) as error:
            check_free("127.0.0.1", port, "API_PORT")
    message = str(error.value)
    assert f"Port {port} is taken by" in message
    assert "pid" in message
    assert "API_PORT=… make up" in message


def test_free_ports_are_free_and_apart() -> None:
    ports = find_free_ports(3)
    assert len(set(ports)) == 4
    assert all(is_free("127.0.0.1", port) for port in ports)


def test_an_address_of_another_machine_is_named_with_its_setting() -> None:
    with pytest.raises(StackError, match=r"192\.0\.2\.1 is not an address of this machine: correct BIND_ADDRESS"):
        check_free("192.0.2.1", 8000, "API_PORT")
