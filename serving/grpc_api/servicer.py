"""The service `marquee.v1.Predictions`: message to question, answer to message."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from serving.core.cooperative import yielding_to_loop
from serving.core.requested_id import parse_requested_id
from serving.core.requests import BatchRequest, SearchRequest, WhatIfRequest
from serving.grpc_api import marquee_pb2 as messages
from serving.grpc_api.render import render, render_entry, render_film, render_what_if
from serving.prediction.batch import FOUND, NOTHING_FOUND, answer_batch, answer_what_if, find_outcome, search_movies
from serving.prediction.service import PredictionService
from serving.prediction_set.watcher import PredictionSetWatcher

WAY = "grpc"


class Reply(NamedTuple):
    """A good answer."""

    outcome: str
    """For the log."""
    message: Any


Answerer = Callable[[Any, str], Awaitable[Reply]]
"""From a message and the request's id to the reply; raises MalformedRequest, MalformedQuery or a PredictionError."""


class Predictions:
    """The methods by name in `methods`."""

    def __init__(self, rater: PredictionService, catalogues: PredictionSetWatcher) -> None:
        self._rater, self._catalogues = rater, catalogues
        self.methods: dict[str, Answerer] = {
            "Predict": self.predict,
            "PredictBatch": self.predict_batch,
            "WhatIf": self.what_if,
            "SearchMovies": self.search_movies,
        }

    async def predict(self, asked: messages.PredictRequest, request_id: str) -> Reply:
        answer = await self._rater.predict(parse_requested_id(asked.movie_id), WAY)
        return Reply(answer.source, render(answer, request_id))

    async def predict_batch(self, asked: messages.PredictBatchRequest, request_id: str) -> Reply:
        question = BatchRequest.check({"movie_ids": list(asked.movie_ids)})
        entries = await answer_batch(self._rater, question, WAY)
        pairs = zip(question.movie_ids, entries, strict=True)
        predictions = [render_entry(movie_id, entry) async for movie_id, entry in yielding_to_loop(pairs)]
        return Reply(find_outcome(entries), messages.PredictBatchResponse(predictions=predictions, request_id=request_id))

    async def what_if(self, asked: messages.WhatIfRequest, request_id: str) -> Reply:
        overrides = {name: given.value if given.HasField("value") else None for name, given in asked.overrides.items()}
        question = WhatIfRequest.check({"movie_id": asked.movie_id, "overrides": overrides})
        found = await answer_what_if(self._rater, question)
        return Reply(found.answer.source, render_what_if(found, question.overrides, request_id))

    async def search_movies(self, asked: messages.SearchMoviesRequest, request_id: str) -> Reply:
        limit = {"limit": asked.limit} if asked.HasField("limit") else {}
        films = search_movies(self._catalogues, SearchRequest.check({"query": asked.query} | limit))
        found = messages.SearchMoviesResponse(movies=[render_film(film) for film in films], request_id=request_id)
        return Reply(FOUND if films else NOTHING_FOUND, found)
