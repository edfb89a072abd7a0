#!/usr/local/bin/python
"""A small `valkey-cli --user NAME --pass PASSWORD COMMAND` for port 6379, because the wheel contains only the server."""

import socket
import sys


def main(_: str, user: str, __: str, password: str, *command: str) -> None:
    with socket.create_connection(("127.0.0.1", 6379), timeout=3) as server:
        server.sendall(f"AUTH {user} {password}\r\n{' '.join(command)}\r\n".encode())
        server.shutdown(socket.SHUT_WR)
        sys.stdout.write(b"".join(iter(lambda: server.recv(4096), b"")).decode())


main(*sys.argv[1:])
