"""Run `python -m serving`: API_WORKERS processes on API_HOST:API_PORT, set by the environment; SIGHUP replaces them."""

import asyncio
import logging
import os
import signal
import sys

from pydantic import ValidationError

from serving.process.listener import bind
from serving.process.supervisor import Supervisor
from serving.process.worker_pipe import CONTROL_PIPE
from serving.settings import Settings
from serving.telemetry.logging import log_to_stdout
from serving.telemetry.metrics_port import open_metrics_port
from serving.telemetry.process_metrics import ProcessMetrics

log = logging.getLogger("serving")


def main() -> int:
    """Serve until SIGTERM; return 78 when a setting is missing or wrong, 71 when a port is taken."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the server or the supervisor handles it
    log_writer = log_to_stdout()
    try:
        settings = Settings()  # filled from the environment
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            log.error("setting %s: %s", str(problem["loc"][0]).upper(), problem["msg"])
        return os.EX_CONFIG
    try:
        if settings.api_workers > 1 and CONTROL_PIPE not in os.environ:
            listener, metrics = bind(settings.api_host, settings.api_port), ProcessMetrics()
            open_metrics_port(settings, metrics)
            return asyncio.run(Supervisor(listener, settings.api_workers, metrics).run())
        from serving.process.worker import work  # noqa: PLC0415  # the supervisor does not need its workers' imports

        return work(settings, log_writer)
    except OSError as error:
        log.error("%s", error)
        return os.EX_OSERR


if __name__ == "__main__":
    sys.exit(main())
