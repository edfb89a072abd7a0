"""The socket that the API listens on, shared by all its processes."""

import socket


def bind(host: str, port: int) -> socket.socket:
    """Take the port, without listening yet: who asks before there is an answer is refused. Raises OSError with the address."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{error.strerror}: {host}:{port}") from error
    return listener
