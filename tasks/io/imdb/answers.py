"""Separates the errors of IMDb's host that another try may cure from those that it cannot.

IMDb asks for no credentials and does not move its files, so a 401, a 403, a 404 or a redirect may be a page from something in
between. It counts as one failed try; the address counts as wrong only if the last try gets such an answer too.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import HTTPError

from tasks.core.errors import BadSetting
from tasks.io.retries import FailedTry, read_retry_after


class Unexpected(FailedTry):
    """An answer that IMDb's host would not give at the right address."""


def check_status(answer: requests.Response) -> None:
    """Raise FailedTry unless the answer contains bytes of the file."""
    status = answer.status_code
    if status in (200, 206):
        return
    if status in (408, 425, 429) or status >= 500:
        raise FailedTry(f"answers {status}", read_retry_after(answer.headers.get("Retry-After")))
    target = f" and points to {answer.headers['Location']}" if "Location" in answer.headers else ""
    raise Unexpected(f"answers {status}{target}")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Within the block, turn errors of the connection into FailedTry and errors that no try can change into task errors."""
    try:
        yield
    except (InvalidSchema, InvalidURL, MissingSchema) as error:
        raise BadSetting(f"IMDB_BASE_URL: {error}") from error
    except (requests.RequestException, HTTPError) as error:
        raise FailedTry(str(error)) from error
