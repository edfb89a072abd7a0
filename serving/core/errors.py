"""Why there is no prediction: each error is one answer, with its status, its label and what to do next."""


class PredictionError(Exception):
    """An answer that is not a prediction; the message is the body's `detail`."""

    status = 503
    reason = "unavailable"
    """The label in the body, the log and the metric."""
    retry_after_seconds: int | None = 1


class UnknownMovie(PredictionError):
    """No feature row for this id in the live feature set; nothing is ever predicted without one."""

    status = 404
    reason = "unknown_movie"
    retry_after_seconds = None


class NoDeployment(PredictionError):
    """No deployment is loaded: nothing was deployed yet, or nothing that could be verified."""

    reason = "no_deployment"
    retry_after_seconds = 5


class NoModel(PredictionError):
    """The model of the live deployment could not be loaded."""

    reason = "no_model"
    retry_after_seconds = 5


class LostFeatures(PredictionError):
    """The movie is in the live prediction set, but its row is not in Redis: the row was lost, the movie is not unknown."""

    reason = "lost_features"
    retry_after_seconds = 60


class StoreUnavailable(PredictionError):
    """Redis does not answer in time, or refuses us."""

    reason = "feature_store_unavailable"


class CorruptRow(PredictionError):
    """The feature row is not what Feast writes, or lacks a feature that the model needs; the message names the field."""

    reason = "corrupt_features"
    retry_after_seconds = 60


class ImplausibleRating(PredictionError):
    """The model's output is not a rating: not a number, or outside 1 to 10."""

    reason = "implausible_rating"
    retry_after_seconds = 60


class NoPredictionSet(PredictionError):
    """No prediction database is loaded to search in."""

    reason = "no_prediction_set"
    retry_after_seconds = 5
