"""Where the platform's servers are, as its programs reach them: on loopback, or by service name inside compose's networks."""

from dataclasses import dataclass

from infra.platform.settings import Settings


@dataclass(frozen=True)
class Addresses:
    """host:port of the stores that have protocols of their own, URLs of those that speak HTTP."""

    postgres: str
    redis: str
    s3: str
    mlflow: str
    sources: str
    airflow: str


IN_COMPOSE = Addresses(
    postgres="postgres:5432",
    redis="redis:6379",
    s3="http://s3:8333",
    mlflow="http://mlflow:5000",
    sources="http://sources:8090",
    airflow="http://airflow-api:8080",
)


def on_loopback(settings: Settings) -> Addresses:
    """Return the addresses as this machine sees them; those that compose publishes are the same."""
    return on_host("127.0.0.1", settings)


def on_host(host: str, settings: Settings) -> Addresses:
    """Return the addresses as another machine sees them, where the ports are open to it."""
    return Addresses(
        postgres=f"{host}:{settings.postgres_port}",
        redis=f"{host}:{settings.redis_port}",
        s3=f"http://{host}:{settings.s3_port}",
        mlflow=f"http://{host}:{settings.mlflow_port}",
        sources=f"http://{host}:{settings.sources_port}",
        airflow=f"http://{host}:{settings.airflow_port}",
    )
