"""Postgres: a cluster with SCRAM passwords on loopback TCP, and one role and database for each of its users."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg

from infra.local.services.postgres_paths import Place, make_place
from infra.local.supervision.processes import remove_stale_postmaster
from infra.local.supervision.service import Part
from infra.local.supervision.unprivileged import drop_root, own, share
from infra.platform.addresses import on_loopback
from infra.platform.errors import StackError
from infra.platform.secrets import Secrets, write_private
from infra.platform.settings import Settings
from infra.setup.roles import create_roles

ADMIN = "postgres"
ROLES = ("airflow", "mlflow", "feast", "movies", "receipts")
"""Each a role with a password of its own, and the database of that name, which no other role may enter."""
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket would let local users in by name
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "hba_file": "pg_hba.conf",  # beside the cluster, where Postgres itself may not write
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
}


def postgres_part(settings: Settings, secrets: Secrets, stamp: str) -> Part:
    """Describe the server; `stamp` names the release of the environment its binaries come from."""
    options = {**OPTIONS, "port": str(settings.postgres_port)}
    flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return Part(
        name="postgres",
        argv=tuple(drop_root("bin/postgres", "-D", "cluster", *flags)),  # wherever its folder turns out to lie
        check=partial(check_postgres, settings, secrets, ADMIN),
        ports=(("127.0.0.1", "POSTGRES_PORT", settings.postgres_port),),
        url=f"127.0.0.1:{settings.postgres_port}",
        directory=settings.layout.data / "postgres",
        prepare=partial(prepare_cluster, settings, secrets, stamp),
        settle=partial(settle_roles, settings, secrets),
        stop_signal="INT",  # "fast": disconnect clients, write a checkpoint, stop
        stop_seconds=60,
        stop_group=False,
    )


def database_url(where: str, secrets: Secrets, role: str, scheme: str = "postgresql") -> str:
    """Return the URL of the role's own database on the server at `where` (host:port)."""
    return f"{scheme}://{role}:{secrets.read(f'postgres_{role}')}@{where}/{role}"


def prepare_cluster(settings: Settings, secrets: Secrets, stamp: str) -> None:
    """Make the cluster if there is none; it takes its name only when whole."""
    place = make_place(settings.layout, stamp)
    write_access_rules(place)
    remove_stale_postmaster(place.cluster)
    if place.cluster.exists():
        if not secrets.exists("postgres_postgres"):
            raise StackError(
                f"Postgres has data in {place.cluster}, but its password is gone from {secrets.folder}: `make reset` starts anew."
            )
        return
    fresh = place.folder / "cluster.new"
    subprocess.run(["/bin/rm", "-rf", "--", str(fresh)], check=True)
    fresh.mkdir()
    own(fresh, 0o700)
    password_file = place.folder / "first_password"
    write_private(password_file, secrets.read("postgres_postgres"))
    share(password_file, 0o640)
    how = ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # sorts the same on every machine
    command = drop_root(place.binary("initdb"), "-D", fresh, "-U", ADMIN, *how, *locale)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    password_file.unlink()
    if done.returncode:
        raise StackError(f"Postgres could not make its cluster in {fresh}: {done.stderr.strip().splitlines()[-1]}")
    fresh.rename(place.cluster)


def write_access_rules(place: Place) -> None:
    """Each role may enter its own database from loopback with its password; nothing else is let in."""
    rules = [
        f"host all {ADMIN} 127.0.0.1/32 scram-sha-256",
        *(f"host {role} {role} 127.0.0.1/32 scram-sha-256" for role in ROLES),
    ]
    write_private(place.hba, "\n".join(rules) + "\n")
    share(place.hba, 0o640)


@contextmanager
def connect(settings: Settings, secrets: Secrets, role: str) -> Iterator[psycopg.Connection]:
    """Connect as a role to its own database; every statement commits by itself."""
    url = database_url(on_loopback(settings).postgres, secrets, role)
    with psycopg.connect(url, autocommit=True, connect_timeout=3, application_name="marquee") as connection:
        yield connection


def check_postgres(settings: Settings, secrets: Secrets, role: str) -> None:
    """Raise unless the role can enter its database and is answered."""
    with connect(settings, secrets, role) as connection:
        connection.execute("select 1")


def settle_roles(settings: Settings, secrets: Secrets) -> None:
    """Make each role and its database."""
    with connect(settings, secrets, ADMIN) as connection:
        create_roles(connection, role_passwords(secrets))


def role_passwords(secrets: Secrets) -> dict[str, str]:
    return {role: secrets.read(f"postgres_{role}") for role in ROLES}
