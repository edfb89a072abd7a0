"""Which S3: our own SeaweedFS, or a real one whose keys stand in `.env` or the environment."""

from collections.abc import Mapping

from infra.local.services.seaweedfs import BUCKET, REGION, credentials, render_identities
from infra.platform.addresses import IN_COMPOSE
from infra.platform.errors import StackError
from infra.platform.secrets import Secrets
from infra.platform.settings import read_environment

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def given_s3() -> dict[str, str] | None:
    """Return the variables of the S3 that the user names by AWS_*; None when they name none, and ours is used."""
    return choose_s3(read_environment())


def choose_s3(read: Mapping[str, str]) -> dict[str, str] | None:
    if KEYS[0] not in read:
        return None
    missing = [name for name in (*KEYS, "AWS_REGION", "S3_BUCKET") if name not in read]
    if missing:
        raise StackError(f"AWS_ACCESS_KEY_ID names an S3 of your own: give {', '.join(missing)} too, in the environment or .env.")
    region, endpoint = read["AWS_REGION"], read.get("AWS_ENDPOINT_URL_S3", f"https://s3.{read['AWS_REGION']}.amazonaws.com")
    return {
        **{name: read[name] for name in (*KEYS, "S3_BUCKET")},
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{read['S3_BUCKET']}/mlflow",
        "PYICEBERG_CATALOG__MARQUEE__WAREHOUSE": f"s3://{read['S3_BUCKET']}/offline",
        "PYICEBERG_CATALOG__MARQUEE__S3__ENDPOINT": endpoint,
        "PYICEBERG_CATALOG__MARQUEE__S3__REGION": region,
    }


def own_s3(secrets: Secrets) -> dict[str, str]:
    """Return what our SeaweedFS reads."""
    return {"S3_IDENTITIES": render_identities(secrets)}


def admin_s3(secrets: Secrets) -> dict[str, str]:
    """Return what makes the bucket in our SeaweedFS."""
    keys = credentials(secrets, "s3_admin")
    return {
        "S3_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL_S3": IN_COMPOSE.s3,
        "AWS_ACCESS_KEY_ID": keys["accessKey"],
        "AWS_SECRET_ACCESS_KEY": keys["secretKey"],
        "AWS_DEFAULT_REGION": REGION,
    }
