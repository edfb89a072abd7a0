"""SeaweedFS, the object store (S3): one process holding its master, volume, filer and S3 servers."""

import json
import secrets as randomness
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from infra.local.supervision.service import Part
from infra.platform.errors import StackError
from infra.platform.ports import S3_PORTS
from infra.platform.secrets import Secrets, write_private
from infra.platform.settings import Settings
from infra.setup.bucket import create_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "marquee"
REGION = "us-east-1"
IDENTITIES = {
    "s3_admin": ["Admin", "Read", "Write", "List", "Tagging"],
    "s3": [f"{action}:{BUCKET}" for action in ("Read", "Write", "List", "Tagging")],
    "s3_api": [f"Read:{BUCKET}/predictions/*"],
}
"""The administrator makes the bucket; everyone else has only what is in it, and the API of that only the predictions, to read."""
DAEMONS = ("s3", "master", "volume", "filer")


def seaweedfs_part(settings: Settings, secrets: Secrets) -> Part:
    """Describe the server; no other machine is asked or told anything."""
    layout = settings.layout
    folder, identities = layout.data / "s3", layout.run / "s3_identities.json"
    first = settings.s3_port
    ports = [
        word
        for i, daemon in enumerate(DAEMONS)
        for word in (f"-{daemon}.port={first + i}", f"-{daemon}.port.grpc={first + len(DAEMONS) + i}")
    ]
    return Part(
        name="s3",
        argv=(
            *(str(layout.environments / "local" / "bin" / "weed"), "-logtostderr", "server", f"-dir={folder}"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports, "-s3", f"-s3.config={identities}", "-s3.iam=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
            *("-volume.max=0", "-master.volumeSizeLimitMB=1024", "-filer.disableHttp"),
            "-master.electionTimeout=1s",  # alone, it still waits out a whole timeout at every restart; the default is 10 s
        ),
        check=partial(check_s3, settings, secrets),
        environment={"GOMEMLIMIT": "256MiB", "GOGC": "50"},  # without them it grows past 1 GB
        ports=tuple(("127.0.0.1", "S3_PORT", port) for port in range(first, first + S3_PORTS)),
        url=f"http://127.0.0.1:{first}",
        directory=folder,
        prepare=partial(prepare_s3, folder, identities, secrets),
        settle=partial(settle_bucket, settings, secrets),
        stop_seconds=3,  # it may take 18 s over its goodbyes; its data survive a kill
    )


def prepare_s3(folder: Path, identities: Path, secrets: Secrets) -> None:
    """Write the identities: without that file SeaweedFS lets everyone in."""
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(identities, render_identities(secrets))


def render_identities(secrets: Secrets) -> str:
    """Return SeaweedFS's file of identities, JSON."""
    people = [
        {"name": name, "credentials": [credentials(secrets, name)], "actions": actions} for name, actions in IDENTITIES.items()
    ]
    return json.dumps({"identities": people})


def credentials(secrets: Secrets, name: str) -> dict[str, str]:
    return {"accessKey": secrets.read(f"{name}_access_key"), "secretKey": secrets.read(f"{name}_secret_key")}


def connect_s3(settings: Settings, secrets: Secrets, name: str = "s3") -> "S3Client":
    """Return a client that gives up within seconds."""
    keys = credentials(secrets, name)
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{settings.s3_port}",
        region_name=REGION,
        aws_access_key_id=keys["accessKey"],
        aws_secret_access_key=keys["secretKey"],
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}, proxies={}),
    )
    return client


def check_s3(settings: Settings, secrets: Secrets) -> None:
    """Raise unless the server answers a signed request and, once there is a bucket, keeps and returns an object.

    It lists buckets a second or two before its volume server has reported, while objects still can not be read.
    """
    client = connect_s3(settings, secrets, "s3_admin")
    if BUCKET in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        round_trip(client)


def round_trip(client: "S3Client") -> None:
    """Put, get and delete an object of its own; raise unless it came back unchanged."""
    key, body = f"health/{randomness.token_hex(8)}", randomness.token_bytes(1024)
    client.put_object(Bucket=BUCKET, Key=key, Body=body)
    read = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    client.delete_object(Bucket=BUCKET, Key=key)
    if read != body:
        raise StackError(f"the object {key} came back changed")


def settle_bucket(settings: Settings, secrets: Secrets) -> None:
    """Make the bucket if there is none."""
    create_bucket(connect_s3(settings, secrets, "s3_admin"), BUCKET)
