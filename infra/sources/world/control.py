"""The path /world of the source server: shows the world's day, and moves it on."""

import json
import logging
from datetime import date

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.sources.world.store import ServedWorld, WrongMove

log = logging.getLogger("sources")


class WorldControl:
    """The handlers of GET and PUT /world. Only PUT changes anything, so no link or form of a page in a browser can."""

    def __init__(self, world: ServedWorld) -> None:
        self._world = world

    async def show(self, _: Request) -> Response:
        """Return the day, the seed, the number of movies and the scenarios."""
        return JSONResponse(self._world.describe())

    async def move(self, request: Request) -> Response:
        """Move to the day of the body, and return the state and what happened; 422 with the reason if that is not possible."""
        try:
            day = date.fromisoformat(json.loads(await request.body())["day"])
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"detail": 'the body must be {"day": "YYYY-MM-DD"}'}, 422)
        try:
            told = await to_thread.run_sync(self._world.move, day)
        except WrongMove as error:
            return JSONResponse({"detail": str(error)}, 422)
        log.info("the world's day is %s: %s", day, told)
        return JSONResponse({**self._world.describe(), "told": told})
