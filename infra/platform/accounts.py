"""The accounts of Postgres, Redis and the object store: their names and permissions."""

import hashlib
import json

from infra.platform.secrets import Secrets

POSTGRES_ADMIN = "postgres"
DATABASE_ROLES = ("airflow", "mlflow", "feast", "movies", "receipts")
"""Roles of Postgres. Each has its own password and a database of the same name that no other role may enter."""
REDIS_USERS = {
    "feast": "~* resetchannels +@read +@write +@connection +@transaction +@scripting -@dangerous +info +keys +sort",
    "api": "~* resetchannels +@read +@connection -@dangerous +info",
}
"""Redis users of the features and their ACL rules; none may flush, reconfigure or stop the server."""
BROKER_PREFIX = "airflow:"
BROKER_RULES = f"~{BROKER_PREFIX}* allchannels +@all -@admin -@dangerous +info +time"
"""ACL rules of Celery's user, which sends tasks to other hosts: it may use its own queues but not the features."""
BUCKET = "marquee"
REGION = "us-east-1"
S3_IDENTITIES = {
    "s3_admin": ["Admin", "Read", "Write", "List", "Tagging"],
    "s3": [f"{action}:{BUCKET}" for action in ("Read", "Write", "List", "Tagging")],
    "s3_api": [f"Read:{BUCKET}/predictions/*"],
}
"""Identities of the object store. Only the administrator can make the bucket; the API can only read the predictions."""
AIRFLOW_USER = "admin"


def role_passwords(secrets: Secrets) -> dict[str, str]:
    """Return the password of each role of Postgres."""
    return {role: secrets.read(f"postgres_{role}") for role in DATABASE_ROLES}


def render_redis_users(secrets: Secrets) -> list[str]:
    """Return the lines of a Redis ACL file, with digests instead of passwords."""
    rules = {**REDIS_USERS, "airflow": BROKER_RULES}
    digests = {user: hashlib.sha256(secrets.read(f"redis_{user}").encode()).hexdigest() for user in rules}
    return ["user default off", *(f"user {user} on #{digests[user]} {rule}" for user, rule in rules.items())]


def s3_keys(secrets: Secrets, identity: str) -> tuple[str, str]:
    """Return the access key and the secret key of one identity of our object store."""
    return secrets.read(f"{identity}_access_key"), secrets.read(f"{identity}_secret_key")


def render_s3_identities(secrets: Secrets) -> str:
    """Return the JSON text of SeaweedFS's identity file."""
    identities = []
    for name, actions in S3_IDENTITIES.items():
        access_key, secret_key = s3_keys(secrets, name)
        identities.append({"name": name, "credentials": [{"accessKey": access_key, "secretKey": secret_key}], "actions": actions})
    return json.dumps({"identities": identities})
