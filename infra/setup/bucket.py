"""The bucket for raw bytes, offline features and MLflow's artifacts."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def create_bucket(client: "S3Client", bucket: str) -> None:
    """Make the bucket if it does not exist. The client needs the administrator's keys."""
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        client.create_bucket(Bucket=bucket)
