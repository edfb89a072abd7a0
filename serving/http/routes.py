"""POST /predict, POST /whatif and GET /movies: read, ask, render."""

import re
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from serving.core.answer import Answer, render
from serving.core.cooperative import yielding_to_loop
from serving.core.errors import PredictionError
from serving.core.requested_id import shorten
from serving.core.requests import BatchRequest, MalformedRequest, SearchRequest, WhatIfRequest
from serving.http.endpoint import ByMethod, Endpoint, Reply
from serving.http.predict import SOURCE_HEADERS
from serving.http.strict_json import parse_json
from serving.prediction.batch import FOUND, NOTHING_FOUND, answer_batch, answer_what_if, find_outcome, search_movies
from serving.prediction.service import PredictionService
from serving.prediction_set.watcher import PredictionSetWatcher
from serving.telemetry.metrics import MALFORMED, Metrics

_LIMIT = re.compile("0|[1-9][0-9]{0,8}", re.ASCII)


class PredictionRoutes:
    """What the service answers beside GET /predict."""

    def __init__(self, rater: PredictionService, catalogues: PredictionSetWatcher, metrics: Metrics) -> None:
        self._rater, self._catalogues, self._metrics = rater, catalogues, metrics

    def routes(self, predict: ASGIApp) -> list[Route]:
        """predict: GET /predict, which shares its path with the batch."""
        batch = Endpoint(self.rate_batch, "body", self._note_malformed)
        what_if = Endpoint(self.predict_what_if, "body", self._note_malformed)
        movies = Endpoint(self.find_movies, "query", lambda: None)  # no prediction was asked for
        by_method = ByMethod(GET=predict, POST=batch)
        return [
            Route("/predict", by_method, methods=by_method.methods, include_in_schema=False),
            Route("/whatif", what_if, methods=["POST"], include_in_schema=False),
            Route("/movies", movies, methods=["GET"], include_in_schema=False),
        ]

    def _note_malformed(self) -> None:
        self._metrics.note_outcome(MALFORMED)

    async def rate_batch(self, request: Request) -> Reply:
        question = BatchRequest.check(parse_json(await request.body()))
        entries = await answer_batch(self._rater, question, "batch")
        sources = sorted({entry.source for entry in entries if isinstance(entry, Answer)})
        headers = [(b"x-feature-source", ", ".join(sources).encode())] if sources else []
        predictions = [
            render(entry) if isinstance(entry, Answer) else render_refusal(str(asked), entry)
            async for asked, entry in yielding_to_loop(zip(question.movie_ids, entries, strict=True))
        ]
        return Reply(find_outcome(entries), {"predictions": predictions}, headers)

    async def predict_what_if(self, request: Request) -> Reply:
        question = WhatIfRequest.check(parse_json(await request.body()))
        found = await answer_what_if(self._rater, question)
        more = {
            "rating_as_it_is": found.rating_as_it_is,
            "overrides": question.overrides,
            "out_of_range": [override._asdict() for override in found.out_of_range],
        }
        return Reply(found.answer.source, render(found.answer) | more, [SOURCE_HEADERS[found.answer.source]])

    async def find_movies(self, request: Request) -> Reply:
        question = SearchRequest.check(parse_search(request.scope["query_string"]))
        films = search_movies(self._catalogues, question)
        movies = [{"movie_id": f.movie_id, "tmdb_id": f.tmdb_id, "title": f.title, "year": f.year} for f in films]
        return Reply(FOUND if movies else NOTHING_FOUND, {"movies": movies}, [])


def render_refusal(asked: str, refusal: PredictionError) -> dict[str, Any]:
    """An entry of a batch that is no prediction."""
    return {"movie_id": asked, "detail": str(refusal), "reason": refusal.reason}


def parse_search(query: bytes) -> dict[str, str | int]:
    """`query` and `limit`, unchecked but for being given once each; raises MalformedRequest."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace")
    given: dict[str, str | int] = {}
    for name, value in pairs:
        if name in given:
            message = f"Give {name} once"
            raise MalformedRequest([{"type": "too_long", "loc": [name], "msg": message, "input": shorten(value)}])
        if name in SearchRequest.model_fields:
            given[name] = int(value) if name == "limit" and _LIMIT.fullmatch(value) else value
    return given
