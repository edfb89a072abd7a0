"""One process that answers requests."""

import gc
import logging
import os

from serving.access.api_keys import MalformedKeys
from serving.app import create_app
from serving.process.server import serve
from serving.settings import Settings
from serving.telemetry.log_writer import LogWriter

YOUNG_OBJECTS = 20_000
"""New objects that make Python look for cycles; its own 700 are two answers at 32 connections."""


def work(settings: Settings, log_writer: LogWriter) -> int:
    """Serve until SIGTERM; returns the exit code, 78 when the keys' file is malformed. Raises OSError for a taken port."""
    try:
        app = create_app(settings, log_writer)
    except MalformedKeys as error:
        logging.getLogger("serving").error("%s", error)
        return os.EX_CONFIG
    spare_garbage_collection()
    return serve(app, app.state.metrics.registry, settings)


def spare_garbage_collection() -> None:
    """Look for cycles seldom, and never among what lives as long as the process: it is a tenth of an answer's time otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
