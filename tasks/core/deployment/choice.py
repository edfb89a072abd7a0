"""The choice of the model and the feature set to deploy next. It never chooses parts older than the live ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tasks.core.deployment.history import OutOfService
from tasks.core.deployment.record import Deployment, Model
from tasks.core.features.feature_set import FeatureSet


@dataclass(frozen=True)
class Choice:
    """A model and a feature set of one schema, to go live together."""

    model: Model
    features: FeatureSet


def choose_features(
    day: date, live: Deployment | None, models: Sequence[Model], sets: Sequence[FeatureSet], out: OutOfService
) -> Choice | str:
    """Return the live model with the newest feature set of the day or earlier, or a sentence with the reason for none."""
    if live is None:
        return "no model is live yet: train_model makes the first deployment"
    model = next((model for model in models if model.version == live.model_version), None)
    if model is None:
        return f"version {live.model_version} is live and MLflow no longer has it: run train_model"
    newest = find_newest_set(day, live, sets, out)
    if isinstance(newest, str):
        return newest
    if newest.schema_hash != model.schema_hash:
        return (
            f"version {model.version} was trained on other features than feature set {newest.feature_set} has: "
            "train_model makes a version that fits"
        )
    if newest.feature_set == live.feature_set:
        return describe_nothing_new(live, sets, [], out)
    return Choice(model, newest)


def choose_model(
    day: date, live: Deployment | None, models: Sequence[Model], sets: Sequence[FeatureSet], out: OutOfService
) -> Choice | str:
    """Return the newest model that passed the gate with the newest feature set that fits it, or the reason for none."""
    passed = [model for model in models if model.passed and model.version not in out.models]
    if live is not None:
        passed = [model for model in passed if int(model.version) >= int(live.model_version)]
        passed += [model for model in models if model.version == live.model_version and not passed]
    if not passed:
        return "no version of the model has passed the promotion gate since the live one: nothing is deployed"
    model = max(passed, key=lambda model: int(model.version))
    fitting = [features for features in sets if features.schema_hash == model.schema_hash]
    newest = find_newest_set(day, live, fitting, out)
    if isinstance(newest, str):
        return f"version {model.version} of the model is not deployed: {newest}"
    if live is not None and (model.version, newest.feature_set) == (live.model_version, live.feature_set):
        return describe_nothing_new(live, sets, models, out)
    return Choice(model, newest)


def find_newest_set(day: date, live: Deployment | None, sets: Sequence[FeatureSet], out: OutOfService) -> FeatureSet | str:
    """Return the newest set of the day or earlier, but none older than the live one, or a sentence with the reason for none."""
    live_day = "" if live is None else max([live.day.isoformat(), *(s.day for s in sets if s.feature_set == live.feature_set)])
    if live_day > day.isoformat():
        return f"the live features are of {live_day}, later than {day}: an older day never goes live by itself"
    usable = [
        features
        for features in sets
        if live_day <= features.day <= day.isoformat() and features.feature_set not in out.feature_sets
    ]
    if not usable:
        return f"no feature set of {live_day or 'any day'} to {day} is prepared for it: run publish_features"
    return max(usable, key=lambda features: (features.day, features.published_at))


def describe_new(choice: Choice, live: Deployment | None) -> str:
    """Return the reason for deploying the choice: the parts that are not live yet."""
    model = f"version {choice.model.version} passed the promotion gate"
    features = f"features of {choice.features.day} were prepared"
    if live is None:
        return f"{model} and {features}"
    news = [
        *([model] if choice.model.version != live.model_version else []),
        *([features] if choice.features.feature_set != live.feature_set else []),
    ]
    return " and ".join(news)


def describe_nothing_new(live: Deployment, sets: Sequence[FeatureSet], models: Sequence[Model], out: OutOfService) -> str:
    """Return a sentence: the deployment stays live, and these newer parts are out of service since a rollback."""
    taken_out = [
        *(
            f"version {model.version} was taken out of service by deployment {out.models[model.version].deployment}"
            for model in models
            if model.version in out.models and int(model.version) > int(live.model_version)
        ),
        *(
            f"feature set {features.feature_set} was taken out of service by deployment "
            f"{out.feature_sets[features.feature_set].deployment}"
            for features in sets
            if features.feature_set in out.feature_sets and features.day >= live.day.isoformat()
        ),
    ]
    return "; ".join([f"deployment {live.deployment} stays live, nothing newer may replace it", *taken_out])
