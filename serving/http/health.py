"""The probes: /livez tells that the process answers, /readyz and /health tell whether it can predict."""

from typing import Any

from fastapi import APIRouter, Response

from serving.components import Components
from serving.core.errors import PredictionError
from serving.http.schemas import Alive, LiveFeatureSet, Model, Readiness, RefusedModel, Snapshot

NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "A part is missing"}}


def make_health_router(components: Components) -> APIRouter:
    """Return the routes that orchestrators and load balancers ask."""
    router = APIRouter(tags=["health"])

    @router.head("/livez", include_in_schema=False)
    @router.get("/livez", summary="Is the process alive?")
    async def livez() -> Alive:
        """Answers as long as the process does, without asking any other service."""
        return Alive(alive=True)

    @router.head("/health", include_in_schema=False)
    @router.get("/health", summary="Can it predict? The same as /readyz", responses=NOT_READY)
    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz", summary="Can it predict?", responses=NOT_READY)
    async def readyz(response: Response) -> Readiness:
        """200 with a model and features that can be read now, or with published predictions; else 503 naming what is missing."""
        readiness = await read_readiness(components)
        if not readiness.ready:
            response.status_code = 503
        return readiness

    return router


async def read_readiness(components: Components) -> Readiness:
    """Return the state, reading the pointer in Redis now: an answer from memory would not notice that Redis went away."""
    release, refused = components.releases.current, components.releases.refused
    problems = {} if release else {"model": components.releases.explain_absence()}
    feature_set = None
    try:
        live = await components.store.read_pointer()
        feature_set = LiveFeatureSet(name=live.name, day=live.day, movies=live.movies)
    except PredictionError as refusal:
        problems["feature_store"] = str(refusal)
    snapshot = find_snapshot(components)
    return Readiness(
        detail="; ".join(problems.values()) or "ready",
        ready=not problems or snapshot is not None,
        degraded=bool(problems) and snapshot is not None,
        missing=list(problems),
        model=Model(name=release.manifest.name, version=release.manifest.version) if release else None,
        refused_model=RefusedModel(version=refused.version.version, reason=refused.reason) if refused else None,
        feature_set=feature_set,
        refused_feature_set=components.store.mismatched.name if components.store.mismatched else None,
        snapshot=snapshot,
        receipts=components.receipts.trouble or ("kept" if components.settings.receipts_database_url else "off"),
    )


def find_snapshot(components: Components) -> Snapshot | None:
    """Return what answers are made of when the features cannot be read, if there is such a thing."""
    if components.prediction_sets.current is None or not components.settings.snapshot_fallback:
        return None
    about = components.prediction_sets.current.about
    return Snapshot(prediction_set=about.prediction_set, model_version=about.model_version, day=about.day)
