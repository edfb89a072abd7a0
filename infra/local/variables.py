"""The variables each program of the platform finds in its environment; the names are the seams between them."""

import os
from collections.abc import Mapping

from infra.local.layout import REPOSITORY
from infra.local.postgres import database_url
from infra.local.seaweedfs import BUCKET, REGION, credentials
from infra.local.secret_files import Secrets
from infra.local.settings import Settings, read_passed_on
from infra.local.valkey import feast_redis, redis_url

INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM")
INHERITED_PREFIXES = ("SSL_CERT_", "REQUESTS_CA_", "CURL_CA_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
LOOPBACK = "127.0.0.1,localhost"


def base_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return all that a part inherits from the user's shell: no PYTHONPATH or PGHOST of theirs may lead it astray."""
    kept = {name: value for name, value in environment.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)}
    ours = ",".join(filter(None, (LOOPBACK, environment.get("no_proxy", environment.get("NO_PROXY", "")))))
    return {**kept, "no_proxy": ours, "NO_PROXY": ours, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def mlflow_uri(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.mlflow_port}"


def s3_variables(settings: Settings, secrets: Secrets) -> dict[str, str]:
    keys = credentials(secrets, "s3")
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{settings.s3_port}",
        "AWS_ACCESS_KEY_ID": keys["accessKey"],
        "AWS_SECRET_ACCESS_KEY": keys["secretKey"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "S3_BUCKET": BUCKET,
    }


def source_variables(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Return where the sources are; live, the clients' own defaults hold, and no token means no TMDB."""
    if settings.sources == "live":
        token = settings.tmdb_access_token
        return {"TMDB_ACCESS_TOKEN": token.get_secret_value()} if token else {}
    url = f"http://127.0.0.1:{settings.sources_port}"
    ours = {"IMDB_BASE_URL": url, "TMDB_BASE_URL": url, "TMDB_ACCESS_TOKEN": secrets.read("sources_token")}
    # Our own server needs no courtesy, and answers for every film in one run.
    return {**ours, "TMDB_REQUESTS_PER_SECOND": "10000", "TMDB_REQUESTS_PER_RUN": "1000000000"}


def task_variables(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Return what `python -m tasks.<verb>` and the feast CLI read."""
    registry = database_url(settings, secrets, "feast", "postgresql+psycopg")
    return {
        **s3_variables(settings, secrets),
        **source_variables(settings, secrets),
        **read_passed_on(dict(os.environ)),
        "MOVIES_DATABASE_URL": database_url(settings, secrets, "movies"),
        "FEAST_REGISTRY_URL": registry,
        "FEAST_REDIS": feast_redis(settings, secrets),
        "FEAST_USAGE": "False",
        "PYICEBERG_CATALOG__MARQUEE__TYPE": "sql",
        "PYICEBERG_CATALOG__MARQUEE__URI": registry,
        "PYICEBERG_CATALOG__MARQUEE__WAREHOUSE": f"s3://{BUCKET}/offline",
        "PYICEBERG_CATALOG__MARQUEE__PY_IO_IMPL": "pyiceberg.io.pyarrow.PyArrowFileIO",
        "PYICEBERG_CATALOG__MARQUEE__S3__ENDPOINT": f"http://127.0.0.1:{settings.s3_port}",
        "PYICEBERG_CATALOG__MARQUEE__S3__REGION": REGION,
        # A thread that waits for another gives its core away: two cores are shared by the whole platform.
        "OMP_WAIT_POLICY": "PASSIVE",
        "MLFLOW_TRACKING_URI": mlflow_uri(settings),
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": str(REPOSITORY),
    }


def serving_variables(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Return what the API reads: the read-only Redis user, MLflow, and a folder for models it has loaded."""
    return {
        **read_passed_on(dict(os.environ)),
        "REDIS_URL": redis_url(settings, secrets, "api"),
        "MLFLOW_TRACKING_URI": mlflow_uri(settings),
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MODEL_CACHE_DIR": str(settings.layout.data / "models"),
        "API_HOST": settings.bind_address,
        "API_PORT": str(settings.api_port),
        "PYTHONPATH": str(REPOSITORY),
    }
