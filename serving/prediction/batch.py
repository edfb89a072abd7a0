"""The questions of `questions.py`, asked: what HTTP and gRPC have to render."""

from serving.core.answer import Answer
from serving.core.errors import NoCatalogue, Refusal
from serving.core.requests import BatchQuestion, Malformed, SearchQuestion, WhatIfQuestion, hint
from serving.prediction.service import Rater
from serving.prediction.what_if import UnknownFeature, WhatIf
from serving.prediction_set.database import CatalogueFilm
from serving.prediction_set.watcher import CatalogueWatch

UNAVAILABLE = Refusal.status
FOUND, NOTHING_FOUND = "found", "nothing_found"
"""Outcomes of a search, for the log."""
MIXED = "mixed"
"""The outcome of a batch whose films had several."""


async def ask_batch(rater: Rater, question: BatchQuestion, way: str) -> list[Answer | Refusal]:
    """An entry for each id; raises a Refusal when nothing could be rated for one reason that will pass."""
    entries = await rater.rate_many(question.movie_ids, way)
    first = entries[0]
    if isinstance(first, Refusal) and first.status == UNAVAILABLE and {type(entry) for entry in entries} == {type(first)}:
        raise first
    return entries


def find_outcome(entries: list[Answer | Refusal]) -> str:
    """The outcome of a whole batch, for the log; each film's own is in the metrics."""
    outcomes = {entry.source if isinstance(entry, Answer) else entry.reason for entry in entries}
    return outcomes.pop() if len(outcomes) == 1 else MIXED


async def ask_what_if(rater: Rater, question: WhatIfQuestion) -> WhatIf:
    """Raises a Refusal, or Malformed naming the feature that the served model does not have."""
    try:
        return await rater.rate_with(question.movie_id, question.overrides)
    except UnknownFeature as unknown:
        given = hint(question.overrides[unknown.name])
        problem = {"type": "unknown_feature", "loc": ["overrides", unknown.name], "msg": str(unknown), "input": given}
        raise Malformed([problem]) from None


def ask_films(catalogues: CatalogueWatch, question: SearchQuestion) -> list[CatalogueFilm]:
    """The films whose titles match best; raises NoCatalogue."""
    if catalogues.current is None:
        raise NoCatalogue(catalogues.explain_absence())
    return catalogues.current.search(question.query, question.limit)
