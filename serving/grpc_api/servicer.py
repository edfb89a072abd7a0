"""The service `marquee.v1.Predictions`: converts messages to requests and answers to messages."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from serving.core.cooperative import yielding_to_loop
from serving.core.requested_id import parse_requested_id
from serving.core.requests import BatchRequest, SearchRequest, WhatIfRequest
from serving.deployments.watcher import DeploymentWatcher
from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.render import render, render_entry, render_movie, render_what_if
from serving.prediction.batch import FOUND, NOTHING_FOUND, answer_batch, answer_what_if, compute_outcome, search_movies
from serving.prediction.service import PredictionService

ENDPOINT = "grpc"
"""Name of the endpoint in receipts."""


class Reply(NamedTuple):
    """An answer with status OK."""

    outcome: str
    """Outcome for the log."""
    message: Any


Answerer = Callable[[Any, str], Awaitable[Reply]]
"""Method of the service: takes a message and the request id; raises MalformedRequest, MalformedQuery or a PredictionError."""


class Predictions:
    """The implementation of the service; `methods` holds its methods by name."""

    def __init__(self, service: PredictionService, deployments: DeploymentWatcher) -> None:
        self._service, self._deployments = service, deployments
        self.methods: dict[str, Answerer] = {
            "Predict": self.predict,
            "PredictBatch": self.predict_batch,
            "WhatIf": self.what_if,
            "SearchMovies": self.search_movies,
        }

    async def predict(self, request: messages.PredictRequest, request_id: str) -> Reply:
        """Predict one movie."""
        answer = await self._service.predict(parse_requested_id(request.movie_id), ENDPOINT)
        return Reply(answer.source, render(answer, request_id))

    async def predict_batch(self, request: messages.PredictBatchRequest, request_id: str) -> Reply:
        """Predict many movies."""
        batch = BatchRequest.check({"movie_ids": list(request.movie_ids)})
        entries = await answer_batch(self._service, batch, ENDPOINT)
        pairs = zip(batch.movie_ids, entries, strict=True)
        predictions = [render_entry(movie_id, entry) async for movie_id, entry in yielding_to_loop(pairs)]
        return Reply(compute_outcome(entries), messages.PredictBatchResponse(predictions=predictions, request_id=request_id))

    async def what_if(self, request: messages.WhatIfRequest, request_id: str) -> Reply:
        """Predict one movie with some features changed."""
        overrides = {name: override.value if override.HasField("value") else None for name, override in request.overrides.items()}
        what_if = WhatIfRequest.check({"movie_id": request.movie_id, "overrides": overrides})
        found = await answer_what_if(self._service, what_if)
        return Reply(found.answer.source, render_what_if(found, what_if.overrides, request_id))

    async def search_movies(self, request: messages.SearchMoviesRequest, request_id: str) -> Reply:
        """Find movies by title."""
        limit = {"limit": request.limit} if request.HasField("limit") else {}
        movies = search_movies(self._deployments, SearchRequest.check({"query": request.query} | limit))
        found = messages.SearchMoviesResponse(movies=[render_movie(movie) for movie in movies], request_id=request_id)
        return Reply(FOUND if movies else NOTHING_FOUND, found)
