"""Whether the process lives, whether it can predict, and its figures."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from serving.errors import Refusal
from serving.features.feature_store import FeatureStore
from serving.metrics import Metrics
from serving.models.release import ReleaseWatch
from serving.web.schemas import Alive, LiveFeatureSet, Model, Readiness, RefusedModel


def health_routes(store: FeatureStore, watch: ReleaseWatch, metrics: Metrics) -> APIRouter:
    """The routes that machines ask."""
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="Is the process alive?")
    async def livez() -> Alive:
        """Answers as long as the process does; asks nothing of any other part."""
        return Alive(alive=True)

    @router.get("/readyz", summary="Can it predict?", responses={503: {"model": Readiness, "description": "A part is missing"}})
    async def readyz(response: Response) -> Readiness:
        """200 only with a model and a published feature set that can be read now; else 503 and the part that is missing."""
        readiness = await read_readiness(store, watch)
        if not readiness.ready:
            response.status_code = 503
        return readiness

    @router.get(
        "/metrics", summary="Prometheus figures", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
    )
    async def read_metrics() -> Response:
        """Durations, outcomes, the served model version, the age of the features."""
        return Response(generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return router


async def read_readiness(store: FeatureStore, watch: ReleaseWatch) -> Readiness:
    """Ask the feature store now, since an answer from memory would not notice that Redis went away."""
    release, refused = watch.current, watch.refused
    problems = {} if release else {"model": watch.explain_absence()}
    feature_set = None
    try:
        live = await store.read_pointer()
        feature_set = LiveFeatureSet(name=live.name, day=live.day, movies=live.movies)
    except Refusal as refusal:
        problems["feature_store"] = str(refusal)
    return Readiness(
        detail="; ".join(problems.values()) or "ready",
        ready=not problems,
        missing=list(problems),
        model=Model(name=release.manifest.name, version=release.manifest.version) if release else None,
        refused_model=RefusedModel(version=refused.version.version, reason=refused.reason) if refused else None,
        feature_set=feature_set,
    )
