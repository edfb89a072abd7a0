"""Checks of TCP ports: is a port free, and which process holds it."""

import random
import socket

import psutil

from infra.platform.errors import StackError

S3_PORTS = 8
"""Number of SeaweedFS's consecutive ports: S3, master, volume and filer, then the gRPC port of each."""


def is_free(address: str, port: int) -> bool:
    """Return True if a server could listen on the address and port now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def is_local(address: str) -> bool:
    """Return True if the address belongs to this machine."""
    return is_free(address, 0)


def find_holder(port: int) -> str:
    """Return `name (pid N)` of the process that listens on the port, or a general phrase if the system hides it."""
    try:
        connections = [link for link in psutil.net_connections("tcp") if link.status == psutil.CONN_LISTEN and link.laddr]
        pids = [link.pid for link in connections if link.pid and port in link.laddr]
        return f"{psutil.Process(pids[0]).name()} (pid {pids[0]})" if pids else "a process of another user"
    except psutil.Error:
        return "another process"


def check_free(address: str, port: int, setting: str) -> None:
    """Raise StackError if the port is taken or the address is not of this machine."""
    if is_free(address, port):
        return
    if not is_local(address):
        raise StackError(f"{address} is not an address of this machine: correct BIND_ADDRESS, in .env or on the command line.")
    block = f" ({setting} is the first of {S3_PORTS} ports in a row)" if setting == "S3_PORT" else ""
    raise StackError(
        f"Port {port} is taken by {find_holder(port)}: stop that, or give {setting} another port, "
        f"in .env or on the command line ({setting}=… make up){block}."
    )


def find_free_ports(count: int) -> list[int]:
    """Return `count` free loopback ports and the first of S3_PORTS consecutive ones, below the ephemeral port range."""
    for _ in range(200):
        first = random.randrange(15_000, 30_000)  # noqa: S311  # not a secret
        row = range(first, first + count + S3_PORTS)
        if all(is_free("127.0.0.1", port) for port in row):
            return [*row[:count], row[count]]
    raise StackError("No free row of ports between 15000 and 30000.")
