"""Postgres: a cluster with SCRAM passwords on loopback TCP, with one role and one database for each user."""

import subprocess
from functools import partial
from pathlib import Path

import psutil

from infra.local.services.postgres_paths import PostgresPaths, make_paths
from infra.local.services.unprivileged import drop_root, ids, own, share
from infra.local.supervision.service import Service
from infra.platform.accounts import DATABASE_ROLES, POSTGRES_ADMIN, role_passwords
from infra.platform.connections import check_postgres, connect_postgres
from infra.platform.endpoints import Endpoints
from infra.platform.errors import StackError
from infra.platform.layout import Layout, read_state
from infra.platform.secrets import Secrets, write_private
from infra.setup.migrate import UnknownSchema, migrate
from infra.setup.roles import create_roles
from infra.setup.schema_version import DATABASES

OPTIONS = {
    "unix_socket_directories": "",  # a socket could admit local users by user name alone
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "hba_file": "pg_hba.conf",  # beside the cluster, in a folder where Postgres itself cannot write
    "tcp_user_timeout": "2min",  # a client that was killed or cut off keeps its locks no longer than that
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
}


def postgres_service(layout: Layout, endpoints: Endpoints, stamp: str) -> Service:
    """Return the service; `stamp` identifies the release of the environment that holds the binaries."""
    options = {"listen_addresses": endpoints.postgres.bind, "port": str(endpoints.postgres.port), **OPTIONS}
    flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return Service(
        name="postgres",
        argv=tuple(drop_root("bin/postgres", "-D", "cluster", *flags)),  # relative, because the folder may be outside the home
        check=partial(check_postgres, endpoints, POSTGRES_ADMIN),
        listens=(endpoints.postgres,),
        url=endpoints.postgres.netloc,
        directory=layout.data / "postgres",
        prepare=partial(prepare_cluster, layout, endpoints.secrets, stamp),
        post_start=partial(prepare_databases, endpoints),
        stop_signal="INT",  # "fast": disconnect clients, write a checkpoint, stop
        stop_seconds=60,
        stop_group=False,
    )


def prepare_cluster(layout: Layout, secrets: Secrets, stamp: str) -> None:
    """Make the cluster if there is none; rename it into place when it is complete."""
    paths = make_paths(layout, stamp)
    write_access_rules(paths)
    remove_stale_postmaster(paths.cluster)
    if paths.cluster.exists():
        if not secrets.exists("postgres_postgres"):
            raise StackError(
                f"Postgres has data in {paths.cluster}, but its password is gone from {secrets.folder}: `make reset` starts over."
            )
        return
    fresh = paths.folder / "cluster.new"
    subprocess.run(["/bin/rm", "-rf", "--", str(fresh)], check=True)
    fresh.mkdir()
    own(fresh, 0o700)
    password_file = paths.folder / "first_password"
    write_private(password_file, secrets.read("postgres_postgres"))
    share(password_file, 0o640)
    login = ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # sorts the same on every machine
    command = drop_root(paths.binary("initdb"), "-D", fresh, "-U", POSTGRES_ADMIN, *login, *locale)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    password_file.unlink()
    if done.returncode:
        raise StackError(f"Postgres could not make its cluster in {fresh}: {done.stderr.strip().splitlines()[-1]}")
    fresh.rename(paths.cluster)


def write_access_rules(paths: PostgresPaths) -> None:
    """Write pg_hba.conf: each role can log in to its own database, from loopback with its password. All else is rejected."""
    rules = [
        f"host all {POSTGRES_ADMIN} 127.0.0.1/32 scram-sha-256",
        *(f"host {role} {role} 127.0.0.1/32 scram-sha-256" for role in DATABASE_ROLES),
    ]
    write_private(paths.hba, "\n".join(rules) + "\n")
    share(paths.hba, 0o640)


def prepare_databases(endpoints: Endpoints) -> None:
    """Make each role and its database, and migrate our own databases to this release's schemas."""
    with connect_postgres(endpoints, POSTGRES_ADMIN) as connection:
        create_roles(connection, role_passwords(endpoints.secrets))
    for database in DATABASES:
        try:
            migrate(endpoints.database_url(database), database)
        except UnknownSchema as error:
            raise StackError(str(error)) from error


def remove_stale_postmaster(cluster: Path) -> None:
    """Remove postmaster.pid unless its server may be running. A stale or damaged file would stop Postgres from starting."""
    path = cluster / "postmaster.pid"
    if not path.exists():
        return
    pid, *_ = [*read_state(path).splitlines(), ""]
    holders = [int(pid)] if pid.isdigit() else psutil.pids()  # if the file is damaged, any process may be the server
    if not any(works_in(cluster, holder) for holder in holders):
        path.unlink()


def works_in(cluster: Path, pid: int) -> bool:
    """Return True if the process is a Postgres server whose working folder is the cluster, or may be.

    The folder of another user's server is not visible, but such a server cannot be this cluster's: only its owner can open it.
    """
    try:
        process = psutil.Process(pid)
        name, owner = process.name(), process.uids().real
        return name == "postgres" and process.cwd() == str(cluster)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return name == "postgres" and owner == ids()[0]
