"""The platform's endpoints: each service's listening address, its clients' address, and its URLs with logins."""

from dataclasses import dataclass

from infra.platform.accounts import s3_keys
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings

LOOPBACK = "127.0.0.1"
EVERY_ADDRESS = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104  # a table of addresses; nothing is bound here
"""Wildcard address that a server listens on -> address that its clients on the same machine call."""
POINTER = "marquee:deployment"
"""Redis key of the pointer: JSON with the live deployment's number, model, features and predictions."""


@dataclass(frozen=True)
class Endpoint:
    """One port of a service."""

    host: str
    """Name or address that clients call."""
    port: int
    bind: str = LOOPBACK
    """Address that the server listens on."""
    setting: str = ""
    """Name of the setting of the port, for messages."""

    @property
    def netloc(self) -> str:
        """Return `host:port`, with brackets around an IPv6 address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}"


@dataclass(frozen=True)
class Endpoints:
    """The services' endpoints as one program reaches them, together with the secrets for logging in."""

    secrets: Secrets
    postgres: Endpoint
    redis: Endpoint
    s3: Endpoint
    sources: Endpoint
    mlflow: Endpoint
    airflow: Endpoint
    api: Endpoint
    grpc: Endpoint
    metrics: Endpoint
    feast_ui: Endpoint

    @property
    def hosts(self) -> list[str]:
        """Return every called host once. These hosts must be called without a proxy."""
        every = (self.postgres, self.redis, self.s3, self.sources, self.mlflow, self.airflow, self.api, self.feast_ui)
        return list(dict.fromkeys(endpoint.host for endpoint in every))

    def database_url(self, role: str, scheme: str = "postgresql") -> str:
        """Return the URL of the role's own database in Postgres."""
        return f"{scheme}://{role}:{self.secrets.read(f'postgres_{role}')}@{self.postgres.netloc}/{role}"

    def redis_url(self, user: str) -> str:
        """Return the URL with which the user logs in to Redis."""
        return f"redis://{user}:{self.secrets.read(f'redis_{user}')}@{self.redis.netloc}/0"

    def feast_redis(self) -> str:
        """Return the Redis connection string in Feast's format."""
        return f"{self.redis.netloc},username=feast,password={self.secrets.read('redis_feast')}"

    def s3_keys(self, identity: str) -> tuple[str, str]:
        """Return the access key and the secret key of one identity of our object store."""
        return s3_keys(self.secrets, identity)


def local_endpoints(settings: Settings, secrets: Secrets) -> Endpoints:
    """Return the endpoints of the embedded stack: the stores on loopback, the pages for users on BIND_ADDRESS."""
    return published_endpoints(settings, secrets, stores_bind=LOOPBACK)


def published_endpoints(settings: Settings, secrets: Secrets, stores_bind: str) -> Endpoints:
    """Return the endpoints as programs on this machine call them; `stores_bind` is the address that the stores listen on."""

    def endpoint(setting: str, bind: str) -> Endpoint:
        return Endpoint(called_address(bind), getattr(settings, setting.lower()), bind, setting)

    return Endpoints(
        secrets,
        postgres=endpoint("POSTGRES_PORT", stores_bind),
        redis=endpoint("REDIS_PORT", stores_bind),
        s3=endpoint("S3_PORT", stores_bind),
        sources=endpoint("SOURCES_PORT", stores_bind),
        mlflow=endpoint("MLFLOW_PORT", settings.bind_address),
        airflow=endpoint("AIRFLOW_PORT", settings.bind_address),
        api=endpoint("API_PORT", settings.bind_address),
        grpc=endpoint("GRPC_PORT", settings.bind_address),
        metrics=endpoint("METRICS_PORT", LOOPBACK),
        feast_ui=endpoint("FEAST_UI_PORT", LOOPBACK),
    )


def compose_endpoints(secrets: Secrets) -> Endpoints:
    """Return the endpoints as containers in Compose's networks call one another: by service name."""
    return Endpoints(
        secrets,
        postgres=Endpoint("postgres", 5432),
        redis=Endpoint("redis", 6379),
        s3=Endpoint("s3", 8333),
        sources=Endpoint("sources", 8090),
        mlflow=Endpoint("mlflow", 5000),
        airflow=Endpoint("airflow-api", 8080),
        api=Endpoint("api", 8000),
        grpc=Endpoint("api", 50_051),
        metrics=Endpoint("api", 9464),
        feast_ui=Endpoint("feast-ui", 8889),
    )


def remote_endpoints(host: str, settings: Settings, secrets: Secrets) -> Endpoints:
    """Return the endpoints as another machine calls them at `host`; the ports must be open to it."""
    return published_endpoints(settings.model_copy(update={"bind_address": host}), secrets, stores_bind=host)


def called_address(bind: str) -> str:
    """Return the address at which clients on this machine call a server that listens on `bind`."""
    return EVERY_ADDRESS.get(bind, bind)
