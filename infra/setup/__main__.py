"""`python -m infra.setup`: makes the roles, databases, schemas and the bucket of a platform in containers.

It reads POSTGRES_ADMIN_URL and one SETUP_ROLE_<NAME> with the password of each role. For our own object store it also reads
S3_BUCKET, and AWS_* with the administrator's keys; in a cloud, the owner of the account makes the bucket.
"""

import os
import sys
from collections.abc import Mapping

import boto3
import psycopg
from psycopg.conninfo import make_conninfo

from infra.setup.bucket import create_bucket
from infra.setup.migrate import UnknownSchema, migrate
from infra.setup.roles import create_roles
from infra.setup.schema_version import DATABASES

ROLE = "SETUP_ROLE_"


def main(environment: Mapping[str, str]) -> None:
    """Make what is missing; safe to repeat."""
    passwords = {name.removeprefix(ROLE).lower(): value for name, value in environment.items() if name.startswith(ROLE)}
    with psycopg.connect(environment["POSTGRES_ADMIN_URL"], autocommit=True, connect_timeout=10) as connection:
        create_roles(connection, passwords)
    for database in DATABASES:
        own = {"user": database, "password": passwords[database], "dbname": database}
        try:
            migrate(make_conninfo(environment["POSTGRES_ADMIN_URL"], **own), database)
        except UnknownSchema as error:
            sys.exit(str(error))
    if "S3_BUCKET" in environment:
        create_bucket(boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL_S3"]), environment["S3_BUCKET"])


main(os.environ)
