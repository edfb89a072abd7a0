"""Uploads an object while its bytes still arrive; its key contains their hash, which is known only at the end."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from tasks.io.s3.bucket import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedMultipartUploadTypeDef, CompletedPartTypeDef

PART_BYTES = 8 << 20
"""S3 allows parts from 5 MiB on; one part at a time is in memory."""

INCOMING = "incoming-"
STALE = timedelta(days=1)
"""No upload takes as long: an older one is of a process that was killed."""


class Upload:
    """The bytes so far. Up to PART_BYTES are in memory only; the rest are parts of a multipart upload beside the final key.

    The upload is aborted at the end of the block, unless it was finished. Errors as those of Bucket.
    """

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket, self._folder, self.size = bucket, folder, 0
        self._hash, self._buffer = hashlib.sha256(), bytearray()
        self._staged, self._upload_id, self._parts = "", "", list["CompletedPartTypeDef"]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.clear()

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        self._hash.update(piece)
        self._buffer += piece
        self.size += len(piece)
        while len(self._buffer) > PART_BYTES:
            self._put_part(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]

    def clear(self) -> None:
        """Forget all bytes."""
        client, name, key, upload_id = self._bucket.client, self._bucket.name, self._staged, self._upload_id
        if upload_id:
            self._bucket.call(key, lambda: client.abort_multipart_upload(Bucket=name, Key=key, UploadId=upload_id))
        self._hash, self._buffer, self.size = hashlib.sha256(), bytearray(), 0
        self._staged, self._upload_id, self._parts = "", "", []

    def finish(self, suffix: str) -> tuple[str, str, bool]:
        """Store the bytes as folder/sha256.suffix; return that key, the sha256, and whether this call stored them."""
        sha256 = self._hash.hexdigest()
        key = f"{self._folder}/{sha256}.{suffix}"
        if not self._upload_id:
            return key, sha256, self._bucket.put_once(key, bytes(self._buffer))
        if self._bucket.exists(key):
            return key, sha256, False
        self._put_part(bytes(self._buffer))
        self._complete()
        client, name, staged = self._bucket.client, self._bucket.name, self._staged
        self._bucket.call(key, lambda: client.copy_object(Bucket=name, Key=key, CopySource={"Bucket": name, "Key": staged}))
        self._bucket.delete(staged)
        return key, sha256, True

    def _put_part(self, body: bytes) -> None:
        client, name, number = self._bucket.client, self._bucket.name, len(self._parts) + 1
        if not self._upload_id:
            self._staged = f"{self._folder}/{INCOMING}{uuid4().hex}"
            created = self._bucket.call(self._staged, lambda: client.create_multipart_upload(Bucket=name, Key=self._staged))
            self._upload_id = created["UploadId"]
        key, upload_id = self._staged, self._upload_id
        done = self._bucket.call(
            key, lambda: client.upload_part(Bucket=name, Key=key, UploadId=upload_id, PartNumber=number, Body=body)
        )
        self._parts.append({"ETag": done["ETag"], "PartNumber": number})

    def _complete(self) -> None:
        client, name, key, upload_id = self._bucket.client, self._bucket.name, self._staged, self._upload_id
        parts: CompletedMultipartUploadTypeDef = {"Parts": self._parts}
        complete = client.complete_multipart_upload
        self._bucket.call(key, lambda: complete(Bucket=name, Key=key, UploadId=upload_id, MultipartUpload=parts))
        self._upload_id = ""


def remove_stale_uploads(bucket: Bucket, folder: str) -> int:
    """Remove from the folder what killed uploads have left there; return the number of those."""
    client, name, prefix, before = bucket.client, bucket.name, f"{folder}/{INCOMING}", datetime.now(UTC) - STALE
    uploads = bucket.call(prefix, lambda: client.list_multipart_uploads(Bucket=name, Prefix=prefix)).get("Uploads", [])
    objects = bucket.call(prefix, lambda: client.list_objects_v2(Bucket=name, Prefix=prefix)).get("Contents", [])
    stale = [(upload["Key"], upload["UploadId"]) for upload in uploads if upload["Initiated"] < before]
    left = [found["Key"] for found in objects if found["LastModified"] < before]
    for key, upload_id in stale:
        abort = partial(client.abort_multipart_upload, Bucket=name, Key=key, UploadId=upload_id)
        bucket.call(key, abort)
    for key in left:
        bucket.delete(key)
    return len(stale) + len(left)
