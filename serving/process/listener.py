"""The listening socket of the API, shared by all its processes."""

import socket


def bind(host: str, port: int) -> socket.socket:
    """Bind the port without listening yet, so that connections are refused until the start is complete. Raise OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{error.strerror}: {host}:{port}") from error
    return listener
