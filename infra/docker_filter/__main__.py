"""`python -m infra.docker_filter`: the Docker engine, for whoever may start this platform's tasks and nothing else."""

import asyncio
import logging
import os
import sys

from pydantic import ValidationError

from infra.docker_filter.server import serve
from infra.docker_filter.settings import Settings


def main() -> int:
    """Serve until SIGTERM; exits 78 when a setting is missing or wrong."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
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
