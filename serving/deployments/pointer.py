"""The key in Redis that names the live deployment."""

from dataclasses import dataclass
from datetime import date

import orjson

from serving.core.clock import now_in_world
from serving.features.feature_set import FeatureSet, parse_feature_set
from serving.models.reference import ModelReference
from serving.models.reference import parse_reference as parse_model
from serving.prediction_set.reference import PredictionSetReference
from serving.prediction_set.reference import parse_reference as parse_predictions

POINTER_KEY = "marquee:deployment"
"""Redis key with the live deployment as JSON; a deployment or a rollback is one write of it."""


class MalformedPointer(Exception):
    """Error for a key that does not hold a deployment; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """The parts that are live together; `id` names the row of the table `deployment` with the author and the reason."""

    id: int
    model: ModelReference
    features: FeatureSet
    predictions: PredictionSetReference
    world_day: date | None = None
    """Today in the synthetic sample's world; None for real movies, whose today is the real one."""

    def now(self, now: float) -> float:
        """Return the time by which the parts are old. now: the real time; both in Unix seconds."""
        return now_in_world(now, self.world_day)


def parse_pointer(body: bytes) -> DeploymentRecord:
    """Parse the key's value; ignore unknown fields. Raise MalformedPointer."""
    try:
        fields = orjson.loads(body)
        world_day = date.fromisoformat(fields["world_day"]) if fields.get("world_day") else None
        return DeploymentRecord(
            id=int(fields["deployment"]),
            model=parse_model(fields["model"]),
            features=parse_feature_set(fields["features"], world_day),
            predictions=parse_predictions(fields["predictions"], world_day),
            world_day=world_day,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MalformedPointer(f"the key {POINTER_KEY} does not hold a deployment: {error!r}") from None
