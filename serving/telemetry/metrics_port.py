"""The metrics' own port, served by a thread: a scrape must not wait for answers, and answers not for a scrape."""

import errno
import logging

from prometheus_client import CollectorRegistry, start_http_server

from serving.settings import Settings

log = logging.getLogger("serving")

MOST_PORTS = 128
"""Twice as many as there can be workers: in a rollover some are there twice."""


def open_metrics_port(settings: Settings, registry: CollectorRegistry) -> int | None:
    """Serve the registry on the first free port from METRICS_PORT on, which is returned; None where it is 0. Raises OSError."""
    if not settings.metrics_port:
        return None
    everywhere = settings.api_host in ("0.0.0.0", "::")  # noqa: S104  # a container's, whose network decides who reaches it
    address = settings.api_host if everywhere else "127.0.0.1"
    for port in range(settings.metrics_port, min(settings.metrics_port + MOST_PORTS, 65536)):
        try:
            start_http_server(port, address, registry)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            log.info("metrics on %s:%d", address, port)
            return port
    raise OSError(errno.EADDRINUSE, f"no free port for metrics from {settings.metrics_port} on")
