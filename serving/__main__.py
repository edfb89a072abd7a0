"""`python -m serving`: API_WORKERS processes on API_HOST:API_PORT, settings from the environment; SIGHUP starts them anew."""

import asyncio
import logging
import os
import signal
import sys

from pydantic import ValidationError

from serving.process.listener import bind
from serving.process.supervisor import Supervisor
from serving.process.worker_pipe import LINE
from serving.settings import Settings
from serving.telemetry.logging import log_to_stdout

log = logging.getLogger("serving")


def main() -> int:
    """Serve until SIGTERM; exits 78 when a setting is missing or wrong, 71 when a port is taken."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until someone listens for it
    log_writer = log_to_stdout()
    try:
        settings = Settings()  # filled from the environment
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            log.error("setting %s: %s", str(problem["loc"][0]).upper(), problem["msg"])
        return os.EX_CONFIG
    try:
        if settings.api_workers > 1 and LINE not in os.environ:
            return asyncio.run(Supervisor(bind(settings.api_host, settings.api_port), settings.api_workers).run())
        from serving.process.worker import work  # noqa: PLC0415  # the parent of several workers does without what they import

        return work(settings, log_writer)
    except OSError as error:
        log.error("%s", error)
        return os.EX_OSERR


if __name__ == "__main__":
    sys.exit(main())
