"""The questions of `questions.py`, asked: what HTTP and gRPC have to render."""

from serving.core.answer import Answer
from serving.core.errors import NoPredictionSet, PredictionError
from serving.core.requests import BatchRequest, MalformedRequest, SearchRequest, WhatIfRequest, hint
from serving.prediction.service import PredictionService
from serving.prediction.what_if import UnknownFeature, WhatIf
from serving.prediction_set.database import PublishedMovie
from serving.prediction_set.watcher import PredictionSetWatcher

UNAVAILABLE = PredictionError.status
FOUND, NOTHING_FOUND = "found", "nothing_found"
"""Outcomes of a search, for the log."""
MIXED = "mixed"
"""The outcome of a batch whose films had several."""


async def answer_batch(rater: PredictionService, question: BatchRequest, endpoint: str) -> list[Answer | PredictionError]:
    """An entry for each id; raises a PredictionError when nothing could be rated for one reason that will pass."""
    entries = await rater.predict_batch(question.movie_ids, endpoint)
    first = entries[0]
    if isinstance(first, PredictionError) and first.status == UNAVAILABLE and {type(entry) for entry in entries} == {type(first)}:
        raise first
    return entries


def find_outcome(entries: list[Answer | PredictionError]) -> str:
    """The outcome of a whole batch, for the log; each film's own is in the metrics."""
    outcomes = {entry.source if isinstance(entry, Answer) else entry.reason for entry in entries}
    return outcomes.pop() if len(outcomes) == 1 else MIXED


async def answer_what_if(rater: PredictionService, question: WhatIfRequest) -> WhatIf:
    """Raises a PredictionError, or MalformedRequest naming the feature that the served model does not have."""
    try:
        return await rater.predict_what_if(question.movie_id, question.overrides)
    except UnknownFeature as unknown:
        given = hint(question.overrides[unknown.name])
        problem = {"type": "unknown_feature", "loc": ["overrides", unknown.name], "msg": str(unknown), "input": given}
        raise MalformedRequest([problem]) from None


def search_movies(catalogues: PredictionSetWatcher, question: SearchRequest) -> list[PublishedMovie]:
    """The films whose titles match best; raises NoPredictionSet."""
    if catalogues.current is None:
        raise NoPredictionSet(catalogues.explain_absence())
    return catalogues.current.search(question.query, question.limit)
