"""`python -m infra.docker_filter`: serves the few calls of the Docker engine's API that this platform's tasks need."""

import asyncio
import logging
import os
import sys

from pydantic import ValidationError

from infra.docker_filter.policy.settings import Settings
from infra.docker_filter.server import serve
from infra.json_log import start_log


def main() -> int:
    """Serve until SIGTERM. Return 78 (EX_CONFIG) when a setting is missing or wrong."""
    start_log("docker_filter")
    try:
        settings = Settings()  # filled from the environment
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            logging.getLogger("docker_filter").error("setting %s: %s", str(problem["loc"][0]).upper(), problem["msg"])
        return os.EX_CONFIG
    asyncio.run(serve(settings))
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
