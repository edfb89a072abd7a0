"""The probes: /livez answers while the process is alive; /readyz and /health report if it can predict."""

from typing import Any

from fastapi import APIRouter, Response

from serving.components import Components
from serving.core.errors import PredictionError
from serving.http.schemas import Alive, LiveFeatureSet, LivePredictionSet, Model, Readiness, RejectedDeployment

NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "A part is missing"}}


def make_health_router(components: Components) -> APIRouter:
    """Return the probe routes for orchestrators and load balancers."""
    router = APIRouter(tags=["health"])

    @router.head("/livez", include_in_schema=False)
    @router.get("/livez", summary="Is the process alive?")
    async def livez() -> Alive:
        """Answers as long as the process is alive, without a request to another service."""
        return Alive(alive=True)

    @router.head("/health", include_in_schema=False)
    @router.get("/health", summary="Can it predict? The same as /readyz", responses=NOT_READY)
    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz", summary="Can it predict?", responses=NOT_READY)
    async def readyz(response: Response) -> Readiness:
        """Answers 200 with a model and readable features, or with published predictions; else 503 with the missing parts."""
        readiness = await read_readiness(components)
        if not readiness.ready:
            response.status_code = 503
        return readiness

    return router


async def read_readiness(components: Components) -> Readiness:
    """Return the state. This reads from Redis each time, to notice when Redis is down or has lost its rows."""
    watcher = components.deployments
    live, rejected, problems = watcher.live, watcher.rejected, dict[str, str]()
    try:
        watcher.require_model()
    except PredictionError as error:
        problems["model"] = str(error)
    try:
        await watcher.check_present()
        if live is not None and (lost := await watcher.count_lost()):
            name, probed = live.record.features.name, len(live.probe_ids)
            problems["feature_store"] = f"{lost} of {probed} movies looked for have no row in feature set {name}"
    except PredictionError as error:
        problems["feature_store"] = str(error)
    record = live.record if live else None
    prediction_set = None
    if live is not None and live.predictions is not None and components.settings.prediction_set_fallback:
        reference = live.record.predictions
        prediction_set = LivePredictionSet(name=reference.name, day=reference.day, movies=reference.movies)
    return Readiness(
        detail="; ".join(problems.values()) or "ready",
        ready=not problems or prediction_set is not None,
        degraded=bool(problems) and prediction_set is not None,
        missing=list(problems),
        deployment=record.id if record else None,
        model=Model(name=record.model.name, version=record.model.version) if record and live and live.model else None,
        feature_set=LiveFeatureSet(name=record.features.name, day=record.features.day, movies=record.features.movies)
        if record
        else None,
        prediction_set=prediction_set,
        rejected_deployment=RejectedDeployment(deployment=rejected.id, reason=rejected.reason) if rejected else None,
        trouble=watcher.trouble or None,
        receipts=components.receipts.trouble or ("kept" if components.settings.receipts_database_url else "off"),
    )
