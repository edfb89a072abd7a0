"""SeaweedFS, the object store (S3): one process with the master, volume, filer and S3 servers."""

import secrets as randomness
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.supervision.service import Service
from infra.platform.accounts import BUCKET, render_s3_identities
from infra.platform.connections import connect_s3
from infra.platform.endpoints import Endpoints
from infra.platform.errors import StackError
from infra.platform.layout import Layout, make_folder
from infra.platform.ports import S3_PORTS
from infra.platform.secrets import Secrets, write_private
from infra.setup.bucket import create_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAEMONS = ("s3", "master", "volume", "filer")


def seaweedfs_service(layout: Layout, endpoints: Endpoints) -> Service:
    """Return the service. It sends no telemetry and calls no other machine."""
    folder, identities = layout.data / "s3", layout.run / "s3_identities.json"
    bind, first = endpoints.s3.bind, endpoints.s3.port
    ports = [
        word
        for i, daemon in enumerate(DAEMONS)
        for word in (f"-{daemon}.port={first + i}", f"-{daemon}.port.grpc={first + len(DAEMONS) + i}")
    ]
    return Service(
        name="s3",
        argv=(
            *(str(layout.environments / "local" / "bin" / "weed"), "-logtostderr", "server", f"-dir={folder}"),
            *(f"-ip={bind}", f"-ip.bind={bind}", *ports, "-s3", f"-s3.config={identities}", "-s3.iam=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
            *("-volume.max=0", "-master.volumeSizeLimitMB=1024", "-filer.disableHttp"),
            "-master.electionTimeout=1s",  # every restart waits for one timeout, even for a single node; default 10 s
        ),
        check=partial(check_s3, endpoints),
        # Without these limits it uses more than 1 GB. It holds 250 MiB whatever is stored: near that, the collector never rests.
        environment={"GOMEMLIMIT": "384MiB", "GOGC": "50"},
        listens=tuple(replace(endpoints.s3, port=port) for port in range(first, first + S3_PORTS)),
        url=endpoints.s3.url,
        directory=folder,
        prepare=partial(prepare_s3, folder, identities, endpoints.secrets),
        post_start=partial(make_bucket, endpoints),
        stop_seconds=3,  # a graceful stop can take 18 s, and the data survive a kill
    )


def prepare_s3(folder: Path, identities: Path, secrets: Secrets) -> None:
    """Write the identities; without that file SeaweedFS accepts every client."""
    make_folder(folder, 0o700)
    write_private(identities, render_s3_identities(secrets))


def check_s3(endpoints: Endpoints) -> None:
    """Raise unless the server answers a signed request and, if the bucket exists, stores and returns an object.

    It can list buckets a second or two before its volume server is ready; until then no object can be read.
    """
    client = connect_s3(endpoints, "s3_admin")
    if BUCKET in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        round_trip(client)


def round_trip(client: "S3Client") -> None:
    """Put, get and delete a new object. Raise StackError unless it came back unchanged."""
    key, body = f"health/{randomness.token_hex(8)}", randomness.token_bytes(1024)
    client.put_object(Bucket=BUCKET, Key=key, Body=body)
    read = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    client.delete_object(Bucket=BUCKET, Key=key)
    if read != body:
        raise StackError(f"the object {key} came back changed")


def make_bucket(endpoints: Endpoints) -> None:
    """Make the bucket if there is none."""
    create_bucket(connect_s3(endpoints, "s3_admin"), BUCKET)
