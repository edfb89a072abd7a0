"""The port of the metrics, served by a thread, so that scrapes and answers do not wait for each other."""

import errno
import logging

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from serving.settings import Settings

log = logging.getLogger("serving")


def open_metrics_port(settings: Settings, metrics: Collector) -> None:
    """Serve the metrics on METRICS_PORT, unless it is 0. Raise OSError naming the port when it is taken."""
    if not settings.metrics_port:
        return
    everywhere = settings.api_host in ("0.0.0.0", "::")  # noqa: S104  # in a container, whose network controls access
    address = settings.api_host if everywhere else "127.0.0.1"
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        start_http_server(settings.metrics_port, address, registry)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OSError(error.errno, f"{error.strerror}: {address}:{settings.metrics_port} (METRICS_PORT)") from error
        raise
    log.info("metrics on %s:%d", address, settings.metrics_port)
