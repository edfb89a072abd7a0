"""Reads the feature definitions of feature_repo, and the definitions that Feast's registry has for a published feature set."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.core.features.feature_set import FeatureSet
from tasks.core.features.schema import compute_schema_hash

if TYPE_CHECKING:
    from feast import FeatureService, FeatureStore
    from feast.repo_contents import RepoContents

REPO = Path("feature_repo")
"""Relative to the working directory, as the feast CLI needs it too."""
SERVICE = "pre_release"
"""The feature service that the model reads."""


def read_definitions() -> "RepoContents":
    from feast.repo_operations import parse_repo  # noqa: PLC0415  # as in online_store: only where Feast is used

    return parse_repo(REPO)


def apply_definitions(store: "FeatureStore", features: FeatureSet) -> None:
    """Write the definitions to the registry under the store's project, with a description of the feature set."""
    from feast import Project  # noqa: PLC0415

    contents = read_definitions()
    published = datetime.fromisoformat(features.published_at)
    described = f"The features of {features.movies} movies as of {features.day}, published {published:%Y-%m-%d %H:%M} UTC"
    project = Project(name=store.project, description=described, owner="publish_features")
    store.apply([project, *contents.data_sources, *contents.entities, *contents.feature_views, *contents.feature_services])


def read_defined_schema() -> str:
    """Return the schema hash that a feature set has if it is published with the current definitions."""
    (service,) = [service for service in read_definitions().feature_services if service.name == SERVICE]
    return _hash_service(service)


def read_schema(store: "FeatureStore") -> str:
    """Return the schema hash that the store's project was published with, or "" if the registry does not have its service."""
    from feast.errors import FeatureServiceNotFoundException  # noqa: PLC0415

    try:
        return _hash_service(store.get_feature_service(SERVICE))
    except FeatureServiceNotFoundException:
        return ""


def _hash_service(service: "FeatureService") -> str:
    fields = [field for projection in service.feature_view_projections for field in projection.features]
    return compute_schema_hash((field.name, str(field.dtype)) for field in fields)
