"""An upload whose name is the hash of its bytes, and a read that goes on after a cut, on a real S3 server."""

import hashlib
import random
import resource
from datetime import timedelta
from uuid import uuid4

import pytest

from infra.local.stack import Stack
from tasks.core.errors import BadInput, Unavailable
from tasks.io.s3 import upload as upload_module
from tasks.io.s3.bucket import ATTEMPTS, Bucket
from tasks.io.s3.stream import stream
from tasks.io.s3.upload import PART_BYTES, Upload, remove_stale_uploads
from tests.tasks.io.http_faults import FileServer, serve
from tests.tasks.settings_factory import read_settings

pytestmark = pytest.mark.integration

PIECES = [random.Random(number).randbytes(PART_BYTES // 3) for number in range(7)]


@pytest.fixture
def bucket(stack: Stack) -> Bucket:
    return Bucket.from_settings(read_settings(stack.environment("tasks")))


@pytest.fixture
def folder() -> str:
    return f"test/{uuid4().hex}"


def list_folder(bucket: Bucket, folder: str) -> list[str]:
    found = bucket.client.list_objects_v2(Bucket=bucket.name, Prefix=f"{folder}/")
    uploads = bucket.client.list_multipart_uploads(Bucket=bucket.name, Prefix=f"{folder}/")
    return [one["Key"] for one in [*found.get("Contents", []), *uploads.get("Uploads", [])]]


@pytest.mark.parametrize("pieces", [0, 1, 3, 7], ids=lambda pieces: f"{pieces} pieces")
def test_bytes_are_stored_under_their_hash_once(pieces: int, bucket: Bucket, folder: str) -> None:
    content = b"".join(PIECES[:pieces])
    sha256 = hashlib.sha256(content).hexdigest()
    for is_first in (True, False):
        with Upload(bucket, folder) as upload:
            for piece in PIECES[:pieces]:
                upload.write(piece)
            assert upload.size == len(content)
            assert upload.finish("gz") == (f"{folder}/{sha256}.gz", sha256, is_first)
    assert list_folder(bucket, folder) == [f"{folder}/{sha256}.gz"]
    assert b"".join(stream(bucket, f"{folder}/{sha256}.gz")) == content


def test_cleared_bytes_are_forgotten(bucket: Bucket, folder: str) -> None:
    with Upload(bucket, folder) as upload:
        for piece in PIECES:
            upload.write(piece)
        upload.clear()
        upload.write(b"anew")
        key, _, _ = upload.finish("gz")
    assert list_folder(bucket, folder) == [key]
    assert bucket.read(key) == b"anew"


def test_an_upload_that_is_not_finished_leaves_nothing(bucket: Bucket, folder: str) -> None:
    with Upload(bucket, folder) as upload:
        for piece in PIECES:
            upload.write(piece)
    assert list_folder(bucket, folder) == []


def test_what_a_killed_upload_left_is_removed_after_a_day(bucket: Bucket, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = Upload(bucket, folder)  # its block never ends
    for piece in PIECES:
        killed.write(piece)
    bucket.put_once(f"{folder}/{upload_module.INCOMING}1", b"complete, but not yet under its name")
    bucket.put_once(f"{folder}/kept.gz", b"kept")
    assert remove_stale_uploads(bucket, folder) == 0
    monkeypatch.setattr(upload_module, "STALE", timedelta(0))
    assert remove_stale_uploads(bucket, folder) == 2
    assert list_folder(bucket, folder) == [f"{folder}/kept.gz"]


def test_memory_does_not_grow_with_the_object(bucket: Bucket, folder: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Upload(bucket, folder) as upload:
        for number in range(128):
            upload.write(hashlib.sha256(b"%d" % number).digest() * (1 << 15))
        key, sha256, _ = upload.finish("gz")
    digest = hashlib.sha256()
    for piece in stream(bucket, key):
        digest.update(piece)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB, of 128 MiB sent
    assert digest.hexdigest() == sha256


def serve_as_bucket(stack: Stack, server: FileServer) -> Bucket:
    return Bucket.from_settings(read_settings(stack.environment("tasks") | {"AWS_ENDPOINT_URL_S3": server.base_url}))


def test_a_read_goes_on_where_it_was_cut(stack: Stack) -> None:
    content = b"".join(PIECES)
    with serve(FileServer(content, faults=[("cut", 5_000_000), ("cut", 10), ("cut", 0)])) as server:
        assert b"".join(stream(serve_as_bucket(stack, server), "key")) == content
    assert len(server.requests) == 4
    assert server.requests[1]["Range"].startswith("bytes=")


def test_a_read_that_gets_no_further_ends(stack: Stack) -> None:
    with serve(FileServer(PIECES[0], faults=[("cut", 0)] * 20)) as server, pytest.raises(Unavailable):
        b"".join(stream(serve_as_bucket(stack, server), "key"))
    assert len(server.requests) == ATTEMPTS


def test_a_missing_object(bucket: Bucket) -> None:
    with pytest.raises(BadInput):
        next(stream(bucket, f"test/{uuid4().hex}"))
