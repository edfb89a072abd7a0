"""Turns errors of an S3 store into task errors."""

from botocore.exceptions import ClientError, NoCredentialsError, ParamValidationError

from tasks.core.errors import AccessDenied, BadInput, BadSetting, TaskError, Unavailable


def status_of(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def is_stray(error: ClientError) -> bool:
    """Return true for a 401, 403 or 404 without S3's XML, as a proxy sends it: botocore then gives the status as the code.

    The answer to a HEAD has no body, so there the store and a proxy look alike.
    """
    status = status_of(error)
    return status in (401, 403, 404) and code_of(error) in ("", str(status)) and error.operation_name != "HeadObject"


def to_task_error(error: Exception, place: str, endpoint: str) -> TaskError:
    """Return the task error for an error of the store. place: the bucket and the key, for the message."""
    if isinstance(error, NoCredentialsError):
        return BadSetting(f"{place}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if isinstance(error, ParamValidationError):
        return BadSetting(f"S3_BUCKET or the key is not a valid name, {place}: {error}")
    if not isinstance(error, ClientError):
        return Unavailable(f"{place}: {endpoint} does not answer: {error}")
    if is_stray(error):
        return Unavailable(f"{place}: {endpoint} answers {status_of(error)} without an S3 error; is a proxy in between?")
    return status_to_task_error(status_of(error), code_of(error), place, endpoint)


def status_to_task_error(status: int, code: str, place: str, endpoint: str) -> TaskError:
    if code == "NoSuchBucket":
        return BadSetting(f"S3_BUCKET: there is no bucket of that name, {place} at {endpoint}")
    if status == 404:
        return BadInput(f"{place} does not exist")
    if status in (401, 403):
        return AccessDenied(f"{place}: {endpoint} refuses AWS_ACCESS_KEY_ID / AWS_SECRET_ACCESS_KEY ({code})")
    if status in (301, 307):
        return BadSetting(f"{place}: the bucket is in another region than AWS_REGION ({code})")
    return Unavailable(f"{place}: {endpoint} answers {status} {code}")
