"""`python -m infra.setup`: makes the roles, databases, schemas and the bucket of a platform in containers.

It reads POSTGRES_ADMIN_URL and one SETUP_ROLE_<NAME> with the password of each role. For our own object store it also reads
S3_BUCKET, and AWS_* with the administrator's keys; in a cloud, the owner of the account makes the bucket.
"""

import logging
import os
from collections.abc import Mapping

import boto3
import psycopg
from psycopg.conninfo import make_conninfo

from infra.json_log import start_log
from infra.setup.bucket import create_bucket
from infra.setup.migrate import UnknownSchema, migrate
from infra.setup.roles import create_roles
from infra.setup.schema_version import DATABASES

ROLE = "SETUP_ROLE_"
log = logging.getLogger("setup")


def main(environment: Mapping[str, str]) -> None:
    """Make what is missing; safe to repeat. Exit with 1 if a database has the schema of a later release."""
    start_log("setup")
    passwords = {name.removeprefix(ROLE).lower(): value for name, value in environment.items() if name.startswith(ROLE)}
    with psycopg.connect(environment["POSTGRES_ADMIN_URL"], autocommit=True, connect_timeout=10) as connection:
        create_roles(connection, passwords)
    for database in DATABASES:
        own = {"user": database, "password": passwords[database], "dbname": database}
        try:
            migrate(make_conninfo(environment["POSTGRES_ADMIN_URL"], **own), database)
        except UnknownSchema as error:
            log.error("%s", error)  # without the traceback, because the sentence has the remedy
            raise SystemExit(1) from None
    if "S3_BUCKET" in environment:
        create_bucket(boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL_S3"]), environment["S3_BUCKET"])
    log.info("the roles, databases and schemas are complete%s", ", and so is the bucket" if "S3_BUCKET" in environment else "")


if __name__ == "__main__":
    main(os.environ)
