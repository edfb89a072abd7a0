"""A worker: one process that answers requests."""

import gc
import logging
import os

from serving.access.api_keys import MalformedKeys
from serving.app import create_app
from serving.process.server import serve
from serving.settings import Settings
from serving.telemetry.log_writer import LogWriter

YOUNG_OBJECTS = 20_000
"""New objects after which Python looks for cycles; two answers at 32 connections already reach its default of 700."""


def work(settings: Settings, log_writer: LogWriter) -> int:
    """Serve until SIGTERM. Return the exit code, 78 when the file of keys is malformed. Raise OSError when a port is taken."""
    try:
        app = create_app(settings, log_writer)
    except MalformedKeys as error:
        logging.getLogger("serving").error("%s", error)
        return os.EX_CONFIG
    tune_garbage_collection()
    return serve(app, app.state.metrics.registry, settings)


def tune_garbage_collection() -> None:
    """Collect garbage rarely, and never long-lived objects: Python's default takes a tenth of an answer's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
