"""Whether the process lives, and whether it can predict."""

from dataclasses import dataclass

from fastapi import APIRouter, Response

from serving.core.errors import PredictionError
from serving.features.feature_store import FeatureStore
from serving.http.schemas import Alive, LiveFeatureSet, Model, Readiness, RefusedModel, Snapshot
from serving.models.release_watcher import ReleaseWatcher
from serving.prediction_set.watcher import PredictionSetWatcher
from serving.receipts.queue import ReceiptQueue
from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What an answer is made with."""

    store: FeatureStore
    watch: ReleaseWatcher
    catalogues: PredictionSetWatcher
    receipts: ReceiptQueue
    settings: Settings


def health_routes(parts: Parts) -> APIRouter:
    """The routes that machines ask."""
    router = APIRouter(tags=["health"])

    @router.head("/livez", include_in_schema=False)
    @router.get("/livez", summary="Is the process alive?")
    async def livez() -> Alive:
        """Answers as long as the process does; asks nothing of any other part."""
        return Alive(alive=True)

    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz", summary="Can it predict?", responses={503: {"model": Readiness, "description": "A part is missing"}})
    async def readyz(response: Response) -> Readiness:
        """200 with a model and a published feature set that can be read now, or with a snapshot; else 503 and what is missing."""
        readiness = await read_readiness(parts)
        if not readiness.ready:
            response.status_code = 503
        return readiness

    return router


async def read_readiness(parts: Parts) -> Readiness:
    """Ask the feature store now, since an answer from memory would not notice that Redis went away."""
    release, refused = parts.watch.current, parts.watch.refused
    problems = {} if release else {"model": parts.watch.explain_absence()}
    feature_set = None
    try:
        live = await parts.store.read_pointer()
        feature_set = LiveFeatureSet(name=live.name, day=live.day, movies=live.movies)
    except PredictionError as refusal:
        problems["feature_store"] = str(refusal)
    snapshot = find_snapshot(parts)
    return Readiness(
        detail="; ".join(problems.values()) or "ready",
        ready=not problems or snapshot is not None,
        degraded=bool(problems) and snapshot is not None,
        missing=list(problems),
        model=Model(name=release.manifest.name, version=release.manifest.version) if release else None,
        refused_model=RefusedModel(version=refused.version.version, reason=refused.reason) if refused else None,
        feature_set=feature_set,
        refused_feature_set=parts.store.mismatched.name if parts.store.mismatched else None,
        snapshot=snapshot,
        receipts=parts.receipts.trouble or ("kept" if parts.settings.receipts_database_url else "off"),
    )


def find_snapshot(parts: Parts) -> Snapshot | None:
    """What answers are made of when the features cannot be read."""
    if parts.catalogues.current is None or not parts.settings.snapshot_fallback:
        return None
    about = parts.catalogues.current.about
    return Snapshot(prediction_set=about.prediction_set, model_version=about.model_version, day=about.day)
