"""Raw bytes and built objects in S3: stored once, never overwritten."""

import base64
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    IncompleteReadError,
    PartialCredentialsError,
    ResponseStreamingError,
)
from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception, stop_after_attempt
from urllib3.exceptions import HTTPError

from tasks.core.errors import BadSetting
from tasks.io.s3.errors import is_stray, status_of, to_task_error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_SECONDS = 5
READ_SECONDS = 60
"""The longest wait in seconds for the store's next bytes. A whole transfer may take longer."""
ATTEMPTS = 4
CUT_BODY = (IncompleteReadError, ResponseStreamingError, FlexibleChecksumError)

T = TypeVar("T")


class BucketSettings(Protocol):
    """The settings this file reads."""

    @property
    def aws_endpoint_url_s3(self) -> str | None: ...
    @property
    def aws_access_key_id(self) -> SecretStr | None: ...
    @property
    def aws_secret_access_key(self) -> SecretStr | None: ...
    @property
    def aws_region(self) -> str: ...
    @property
    def s3_bucket(self) -> str: ...


class Bucket:
    """One S3 bucket. Each method raises Unavailable, AccessDenied or BadSetting if the store fails or rejects the call."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self.client, self.name = client, name

    @classmethod
    def from_settings(cls, settings: BucketSettings) -> Self:
        key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
        try:
            client = boto3.client(
                "s3",
                endpoint_url=settings.aws_endpoint_url_s3,
                region_name=settings.aws_region,
                # None lets boto3 look in its usual places (profile, instance role).
                aws_access_key_id=key.get_secret_value() if key else None,
                aws_secret_access_key=secret.get_secret_value() if secret else None,
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    s3={"addressing_style": "path" if settings.aws_endpoint_url_s3 else "auto"},
                ),
            )
        except (ValueError, PartialCredentialsError) as error:
            raise BadSetting(f"AWS_ENDPOINT_URL_S3 or the AWS keys cannot be used: {error}") from None
        return cls(client, settings.s3_bucket)

    def put_once(self, key: str, body: bytes) -> bool:
        """Store the bytes under `key` unless there is an object already; return true if this call stored them.

        One of several writers at once gets true; a call that was repeated because its answer was lost gets false.
        """
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()

        def put() -> bool:
            try:
                self.client.put_object(Bucket=self.name, Key=key, Body=body, IfNoneMatch="*", ChecksumSHA256=checksum)
            except ClientError as error:
                if status_of(error) == 412:
                    return False
                raise
            return True

        return self.call(key, put)

    def exists(self, key: str) -> bool:
        def head() -> bool:
            try:
                self.client.head_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if status_of(error) == 404:
                    return False
                raise
            return True

        return self.call(key, head)

    def read_size(self, key: str) -> int | None:
        """Return the size of the object in bytes, or None when there is none."""

        def head() -> int | None:
            try:
                return self.client.head_object(Bucket=self.name, Key=key)["ContentLength"]
            except ClientError as error:
                if status_of(error) == 404:
                    return None
                raise

        return self.call(key, head)

    def read(self, key: str) -> bytes:
        """Return the whole object; raise BadInput if it does not exist."""

        def fetch() -> bytes:
            return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

        return self.call(key, fetch)

    def delete(self, key: str) -> None:
        """Delete the object; do nothing if it does not exist."""
        self.call(key, lambda: self.client.delete_object(Bucket=self.name, Key=key))

    def call(self, key: str, action: Callable[[], T]) -> T:
        """Run an action of the client on the key and return what it returns.

        It is repeated where boto3 does not repeat it, and its errors are translated.
        """
        retrying = Retrying(retry=retry_if_exception(is_worth_repeating), stop=stop_after_attempt(ATTEMPTS), reraise=True)
        try:
            return retrying(action)
        except (ClientError, BotoCoreError, HTTPError) as error:
            raise to_task_error(error, f"s3://{self.name}/{key}", self.client.meta.endpoint_url) from error


def is_worth_repeating(error: BaseException) -> bool:
    """Return true for a cut body, a page of a proxy, and AWS's 409 to several writers at once.

    boto3 itself repeats only calls that fail before a body begins.
    """
    if isinstance(error, ClientError):
        return status_of(error) == 409 or is_stray(error)
    return isinstance(error, CUT_BODY)
