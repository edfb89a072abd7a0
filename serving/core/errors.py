"""Errors of a prediction: each is one answer, with its status, its label and the time after which to retry."""


class PredictionError(Exception):
    """Base of the errors that are answered instead of a prediction; the message is the body's `detail`."""

    status = 503
    reason = "unavailable"
    """The label in the body, the log and the metric."""
    retry_after_seconds: int | None = 1


class UnknownMovie(PredictionError):
    """Error for an id without a feature row in the live feature set; there is no prediction without a row."""

    status = 404
    reason = "unknown_movie"
    retry_after_seconds = None


class NoDeployment(PredictionError):
    """Error when no deployment is loaded: none was deployed yet, or none could be verified."""

    reason = "no_deployment"
    retry_after_seconds = 5


class NoModel(PredictionError):
    """Error when the model of the live deployment could not be loaded."""

    reason = "no_model"
    retry_after_seconds = 5


class LostFeatures(PredictionError):
    """Error for a movie of the live prediction set that has no row in Redis: the row was lost, so it is not an UnknownMovie."""

    reason = "lost_features"
    retry_after_seconds = 60


class StoreUnavailable(PredictionError):
    """Error when Redis does not answer in time, or rejects the command."""

    reason = "feature_store_unavailable"


class CorruptRow(PredictionError):
    """Error for a row that Feast does not write, or without a feature that the model needs; the message names the field."""

    reason = "corrupt_features"
    retry_after_seconds = 60


class ImplausibleRating(PredictionError):
    """Error for a model output that is not a rating: not a number, or outside 1 to 10."""

    reason = "implausible_rating"
    retry_after_seconds = 60


class NoPredictionSet(PredictionError):
    """Error when no prediction database is loaded or it cannot be read."""

    reason = "no_prediction_set"
    retry_after_seconds = 5
