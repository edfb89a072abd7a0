"""Errors of an S3 store, named for what the reader of the log does next."""

from botocore.exceptions import ClientError, NoCredentialsError, ParamValidationError

from tasks.core.errors import AccessDenied, BadInput, BadSetting, TaskError, Unavailable


def status_of(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def to_task_error(error: Exception, where: str, endpoint: str) -> TaskError:
    """What the reader of the log should do about an error of the store."""
    if isinstance(error, NoCredentialsError):
        return BadSetting(f"{where}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if isinstance(error, ParamValidationError):
        return BadSetting(f"S3_BUCKET or the key is no valid name, {where}: {error}")
    if not isinstance(error, ClientError):
        return Unavailable(f"{where}: {endpoint} does not answer: {error}")
    return status_to_task_error(status_of(error), error.response.get("Error", {}).get("Code", ""), where, endpoint)


def status_to_task_error(status: int, code: str, where: str, endpoint: str) -> TaskError:
    if code == "NoSuchBucket":
        return BadSetting(f"S3_BUCKET: there is no bucket of that name, {where} at {endpoint}")
    if status == 404:
        return BadInput(f"{where} is not there")
    if status in (401, 403):
        return AccessDenied(f"{where}: {endpoint} refuses AWS_ACCESS_KEY_ID / AWS_SECRET_ACCESS_KEY ({code})")
    if status in (301, 307):
        return BadSetting(f"{where}: the bucket is in another region than AWS_REGION ({code})")
    return Unavailable(f"{where}: {endpoint} answers {status} {code}")
