"""Answers the requests of `core/requests.py`; HTTP and gRPC render the results."""

from serving.core.answer import Answer
from serving.core.errors import PredictionError
from serving.core.requests import BatchRequest, MalformedRequest, SearchRequest, WhatIfRequest, hint
from serving.deployments.watcher import DeploymentWatcher
from serving.prediction.service import PredictionService
from serving.prediction.what_if import UnknownFeature, WhatIf
from serving.prediction_set.database import PublishedMovie

UNAVAILABLE = PredictionError.status
FOUND, NOTHING_FOUND = "found", "nothing_found"
"""Outcomes of a search, for the log."""
MIXED = "mixed"
"""Outcome of a batch whose movies have different outcomes, for the log."""


async def answer_batch(service: PredictionService, request: BatchRequest, endpoint: str) -> list[Answer | PredictionError]:
    """Return an entry for each id. Raise a PredictionError when all ids failed for the same temporary reason."""
    entries = await service.predict_batch(request.movie_ids, endpoint)
    first = entries[0]
    if isinstance(first, PredictionError) and first.status == UNAVAILABLE and {type(entry) for entry in entries} == {type(first)}:
        raise first
    return entries


def compute_outcome(entries: list[Answer | PredictionError]) -> str:
    """Return the outcome of a whole batch, for the log; the metrics count the outcome of each movie."""
    outcomes = {entry.source if isinstance(entry, Answer) else entry.reason for entry in entries}
    return outcomes.pop() if len(outcomes) == 1 else MIXED


async def answer_what_if(service: PredictionService, request: WhatIfRequest) -> WhatIf:
    """Predict with overrides. Raise a PredictionError, or MalformedRequest for a feature that the model does not have."""
    try:
        return await service.predict_what_if(request.movie_id, request.overrides)
    except UnknownFeature as unknown:
        value = hint(request.overrides[unknown.name])
        problem = {"type": "unknown_feature", "loc": ["overrides", unknown.name], "msg": str(unknown), "input": value}
        raise MalformedRequest([problem]) from None


def search_movies(deployments: DeploymentWatcher, request: SearchRequest) -> list[PublishedMovie]:
    """Return the movies whose titles match best. Raise NoPredictionSet."""
    return deployments.require_predictions().search(request.query, request.limit)
