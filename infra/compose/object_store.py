"""The choice of the object store: our own SeaweedFS, or an external S3 whose keys are in `.env` or the environment."""

from collections.abc import Mapping

from infra.platform.accounts import BUCKET, REGION, render_s3_identities
from infra.platform.endpoints import Endpoints
from infra.platform.errors import StackError
from infra.platform.secrets import Secrets
from infra.platform.settings import read_environment

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def chosen_s3() -> dict[str, str] | None:
    """Return the variables of the external S3 that AWS_* names; None if the user sets none, so that ours is used."""
    return choose_s3(read_environment())


def choose_s3(environment: Mapping[str, str]) -> dict[str, str] | None:
    if KEYS[0] not in environment:
        return None
    missing = [name for name in (*KEYS, "AWS_REGION", "S3_BUCKET") if name not in environment]
    if missing:
        raise StackError(f"AWS_ACCESS_KEY_ID names an S3 of your own: give {', '.join(missing)} too, in the environment or .env.")
    region, endpoint = (
        environment["AWS_REGION"],
        environment.get("AWS_ENDPOINT_URL_S3", f"https://s3.{environment['AWS_REGION']}.amazonaws.com"),
    )
    return {
        **{name: environment[name] for name in (*KEYS, "S3_BUCKET")},
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{environment['S3_BUCKET']}/mlflow",
        "PYICEBERG_CATALOG__MARQUEE__WAREHOUSE": f"s3://{environment['S3_BUCKET']}/offline",
        "PYICEBERG_CATALOG__MARQUEE__S3__ENDPOINT": endpoint,
        "PYICEBERG_CATALOG__MARQUEE__S3__REGION": region,
    }


def own_s3(secrets: Secrets) -> dict[str, str]:
    """Return the variables of our SeaweedFS."""
    return {"S3_IDENTITIES": render_s3_identities(secrets)}


def admin_s3(endpoints: Endpoints) -> dict[str, str]:
    """Return the variables that the setup needs to make the bucket in our SeaweedFS."""
    access_key, secret_key = endpoints.s3_keys("s3_admin")
    return {
        "S3_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL_S3": endpoints.s3.url,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_DEFAULT_REGION": REGION,
    }
