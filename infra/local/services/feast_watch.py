"""Restarts `feast ui` whenever another feature set goes live: `python -m infra.local.services.feast_watch COMMAND…`."""

import json
import logging
import os
import subprocess
import sys
import time

import redis

from infra.platform.endpoints import POINTER

POLL_SECONDS = 5.0
log = logging.getLogger("feast_watch")


def read_project(client: redis.Redis, last: str) -> str:
    """Return the project of the live feature set; the last known project while Redis does not answer."""
    try:
        text = client.get(POINTER)
    except redis.RedisError as error:
        log.warning("Redis does not answer (%s); still showing %s", error, last)
        return last
    return str(json.loads(text)["features"]["feature_set"]) if isinstance(text, bytes) else last


def main(command: list[str]) -> int:
    """Run until the UI exits by itself and return its exit code; supervisord stops or restarts both together."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    client = redis.Redis.from_url(os.environ.pop("REDIS_URL"), socket_timeout=3, socket_connect_timeout=3)
    project = "marquee"
    while True:
        project = read_project(client, project)
        log.info("showing %s", project)
        with subprocess.Popen(command, env={**os.environ, "FEAST_PROJECT": project}) as child:
            while read_project(client, project) == project:
                if child.poll() is not None:
                    return child.returncode
                time.sleep(POLL_SECONDS)
            child.terminate()
            child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
