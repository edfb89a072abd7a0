"""Runs the Feast UI on the live feature set: `python -m infra.local.services.feast_watch HOST PORT COMMAND…`.

Restarts `COMMAND… HOST PORT` whenever another feature set goes live. Before the first one, this program serves a page that says
so, because Feast registers an empty project for any name it is started with.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import redis

from infra.json_log import start_log
from infra.platform.endpoints import POINTER

POLL_SECONDS = 5.0
FIRST_POLL_SECONDS = 1.0
"""Before the first deployment, when `marquee up` waits for the UI."""
PAGE = b"""<!doctype html><meta http-equiv="refresh" content="5"><title>Feast</title>
<p>No feature set is live yet. The DAG refresh_movies publishes one and train_model makes it live; this page then opens it.</p>
"""
log = logging.getLogger("feast_watch")


def read_project(client: redis.Redis, last: str | None) -> str | None:
    """Return the project of the live feature set, None before the first; the last known one while Redis does not answer."""
    try:
        text = client.get(POINTER)
    except redis.RedisError as error:
        log.warning("Redis does not answer (%s); still showing %s", error, last or "no feature set")
        return last
    return str(json.loads(text)["features"]["feature_set"]) if isinstance(text, bytes) else last


class WaitingPage(BaseHTTPRequestHandler):
    """Answers every GET with the page."""

    def do_GET(self) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": "text/html", "Content-Length": str(len(PAGE)), "Cache-Control": "no-store"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that http.server gives it
        log.debug(format, *args)


@contextmanager
def serve_page(host: str, port: int) -> Iterator[int]:
    """Serve the page within the block; give the port, which is a free one for port 0."""
    with ThreadingHTTPServer((host, port), WaitingPage) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def wait_for_project(client: redis.Redis, host: str, port: int) -> str:
    """Return the project of the live feature set; serve the page until there is one."""
    project = read_project(client, None)
    if project is not None:
        return project
    log.info("no feature set is live yet: waiting for the first deployment")
    with serve_page(host, port):
        while (project := read_project(client, None)) is None:
            time.sleep(FIRST_POLL_SECONDS)
    return project


def main(host: str, port: str, command: list[str]) -> int:
    """Run until the UI exits by itself and return its exit code; supervisord stops or restarts both together."""
    start_log("feast_ui")
    client = redis.Redis.from_url(os.environ.pop("REDIS_URL"), socket_timeout=3, socket_connect_timeout=3)
    project = wait_for_project(client, host, int(port))
    while True:
        log.info("showing %s", project)
        with subprocess.Popen([*command, host, port], env={**os.environ, "FEAST_PROJECT": project}) as child:
            while (found := read_project(client, project)) in (project, None):
                if child.poll() is not None:
                    return child.returncode
                time.sleep(POLL_SECONDS)
            child.terminate()
            child.wait()
        project = found or project


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
