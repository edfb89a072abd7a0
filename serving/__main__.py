"""`python -m serving`: one worker on API_HOST:API_PORT, settings from the environment."""

import gc
import logging
import os
import sys

import uvicorn
from pydantic import ValidationError

from serving.app import create_app
from serving.logs import log_to_stdout
from serving.settings import Settings
from serving.web.one_write import OneWriteProtocol

DRAIN_SECONDS = 10
"""After SIGTERM, answers that were begun may take this long."""
YOUNG_OBJECTS = 20_000
"""New objects that make Python look for cycles; its own 700 are two answers at 32 connections."""


def main() -> int:
    """Serve until SIGTERM; exits 78 when a setting is missing or wrong."""
    log_to_stdout()
    try:
        settings = Settings()  # filled from the environment
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            logging.getLogger("serving").error("setting %s: %s", str(problem["loc"][0]).upper(), problem["msg"])
        return os.EX_CONFIG
    app = create_app(settings)
    spare_garbage_collection()
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http=OneWriteProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # nothing reads the client's address or the scheme
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return os.EX_OK


def spare_garbage_collection() -> None:
    """Look for cycles seldom, and never among what lives as long as the process: it is a tenth of an answer's time otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


if __name__ == "__main__":
    sys.exit(main())
