"""Schemas of the answers, for the OpenAPI document."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

IMDB_ID = "^tt[0-9]{7,10}$"


class Body(BaseModel):
    """Base of all bodies: undocumented fields are not allowed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Model(Body):
    """The model version that made the prediction."""

    name: str = Field(examples=["movie-rating"])
    version: str = Field(description="Version in the MLflow registry.", examples=["3"])


FeatureSource = Literal["fresh", "stale", "prediction_set"]


class Rating(Body):
    """One rating and its sources."""

    prediction_id: str = Field(
        description="Names this answer's receipt.", pattern="^[0-9a-f]{32}$", examples=["019abc0b5c4d3e2f6f1d0c5e8a3b4f7c"]
    )
    deployment: int = Field(description="The deployment that gave it; a receipt keeps it too.", examples=[17])
    movie_id: str = Field(description="IMDb id, also when a TMDB id was sent.", pattern=IMDB_ID, examples=["tt0111161"])
    title: str | None = Field(examples=["The Shawshank Redemption"])
    rating: float = Field(ge=1, le=10, description="Predicted IMDb rating, four decimals.", examples=[8.4127])
    model: Model
    feature_source: FeatureSource = Field(
        description="`fresh`: the live features. `stale`: the live features, and they are old. `prediction_set`: the features"
        " cannot be read, and this is the published prediction. Also in the header X-Feature-Source."
    )
    stale: bool = Field(description="The features are older than they should be.")
    degraded: bool = Field(description="This is the published prediction, made when the features could be read.")
    feature_age_seconds: int = Field(ge=0, description="Since the day that the features describe began, UTC.", examples=[40215])
    features_as_of: AwareDatetime = Field(description="The time that the features describe the movie for.")


RequestId = Annotated[str, Field(description="Also in the header X-Request-ID.", examples=["6f1d0c5e8a3b4f7c9d2e1a0b5c4d3e2f"])]


class Prediction(Rating):
    """One rating, its sources and the request id."""

    request_id: RequestId


Reason = Literal[
    "unknown_movie",
    "no_deployment",
    "no_model",
    "lost_features",
    "feature_store_unavailable",
    "corrupt_features",
    "implausible_rating",
    "no_prediction_set",
]


class Problem(Body):
    """The reason for an answer without a prediction."""

    detail: str
    reason: Reason | Literal["overloaded"] = Field(description="The same in the log and in a metric.")
    request_id: str


class ValidationProblem(Body):
    """The problems of a malformed request, in FastAPI's own shape."""

    detail: list[dict[str, Any]]
    request_id: str


class FailedPrediction(Body):
    """The entry of a movie without a prediction in a batch."""

    movie_id: str = Field(description="As it was sent.", examples=["tt9999999"])
    detail: str
    reason: Reason


class Predictions(Body):
    """One entry for each id of the request, in the same order."""

    predictions: list[Rating | FailedPrediction]
    request_id: RequestId


class OutOfRange(Body):
    """An override outside the range of the training rows; its prediction is less reliable."""

    feature: str
    value: float
    lowest: float = Field(description="Among the training rows.")
    highest: float


class WhatIf(Prediction):
    """The rating with the overrides and the rating without them."""

    rating_as_it_is: float = Field(ge=1, le=10, description="Without the overrides.", examples=[8.4127])
    overrides: dict[str, float | None] = Field(description="As they were sent.")
    out_of_range: list[OutOfRange]


class Movie(Body):
    """A movie that can be predicted."""

    movie_id: str = Field(description="IMDb id.", pattern=IMDB_ID, examples=["tt0111161"])
    tmdb_id: int | None = Field(examples=[278])
    title: str | None = Field(examples=["The Shawshank Redemption"])
    year: int | None = Field(examples=[1994])


class Movies(Body):
    """Movies whose titles match, the best match first."""

    movies: list[Movie]
    request_id: RequestId


class Alive(Body):
    """The answer of a process that is alive."""

    alive: bool


class RejectedDeployment(Body):
    """A deployment that did not verify; the previous one is still served."""

    deployment: int
    reason: str


class LiveFeatureSet(Body):
    """The live feature set."""

    name: str
    day: date
    movies: int


class LivePredictionSet(Body):
    """The published predictions of all movies, used when the features cannot be read."""

    name: str
    day: date
    movies: int


class Readiness(Body):
    """The readiness of /predict and the missing parts; it counts as ready when it can answer from the prediction set."""

    detail: str = Field(examples=["ready"])
    ready: bool
    degraded: bool = Field(description="Answers come from the prediction set.")
    missing: list[str] = Field(description="Of `model` and `feature_store`.")
    deployment: int | None = Field(description="The live deployment.", examples=[17])
    model: Model | None
    feature_set: LiveFeatureSet | None
    prediction_set: LivePredictionSet | None
    rejected_deployment: RejectedDeployment | None = Field(description="Named as live in Redis, and not served.")
    trouble: str | None = Field(description="Why the live deployment cannot be looked up or loaded now.")
    receipts: str = Field(description="`kept`, `off`, or why they wait.", examples=["kept"])
