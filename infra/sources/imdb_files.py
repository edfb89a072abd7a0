"""A file server that behaves like datasets.imdbws.com: gzipped TSVs with ETag, Last-Modified, ranges and 304."""

import hashlib
import os
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response

NAMES = frozenset(
    {
        "name.basics.tsv.gz",
        "title.akas.tsv.gz",
        "title.basics.tsv.gz",
        "title.crew.tsv.gz",
        "title.episode.tsv.gz",
        "title.principals.tsv.gz",
        "title.ratings.tsv.gz",
    }
)
ACCESS_DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)
"""Body of the 403 that IMDb's host returns for a missing file."""


class ImdbFiles:
    """The request handler of the files. An ETag is the MD5 of the bytes, as in S3, so a copied folder keeps its ETags.

    find_file: returns the path of one of NAMES, which may be missing. It is called in a thread, because it may write the file.
    """

    def __init__(self, find_file: Callable[[str], Path]) -> None:
        self._find_file = find_file
        self._etags: dict[tuple[Path, int, int], str] = {}

    async def answer(self, request: Request) -> Response:
        """Return the file or the requested range, 304 if it is unchanged, or 403 if it does not exist."""
        name = request.path_params["name"]
        path = await to_thread.run_sync(self._find_file, name) if name in NAMES else None
        if path is None or not path.is_file():
            return Response(ACCESS_DENIED, status_code=403, media_type="application/xml")
        stat = path.stat()
        etag = await to_thread.run_sync(self._etag, path, stat)
        response = FileResponse(path, headers={"etag": etag}, media_type="binary/octet-stream", stat_result=stat)
        if _is_unchanged(request, etag, response.headers["last-modified"]):
            headers = {"etag": etag, "last-modified": response.headers["last-modified"], "accept-ranges": "bytes"}
            return Response(status_code=304, headers=headers)
        return response

    def _etag(self, path: Path, stat: os.stat_result) -> str:
        key = (path, stat.st_mtime_ns, stat.st_size)
        if key not in self._etags:
            with path.open("rb") as file:
                self._etags[key] = f'"{hashlib.file_digest(file, _md5).hexdigest()}"'
        return self._etags[key]


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)


def _is_unchanged(request: Request, etag: str, last_modified: str) -> bool:
    """Return True if the client has the current bytes. If-None-Match takes precedence over the date (RFC 9110, 13.2.2)."""
    if (tags := request.headers.get("if-none-match")) is not None:
        return tags.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    if (since := request.headers.get("if-modified-since")) is None:
        return False
    try:
        return parsedate_to_datetime(last_modified) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False


def require_folder(folder: Path) -> Path:
    """Return the folder. Raise FileNotFoundError, naming the missing file, unless it has IMDb's required files."""
    for part in ("imdb/title.basics.tsv.gz", "imdb/title.ratings.tsv.gz"):
        if not (folder / part).is_file():
            raise FileNotFoundError(f"{folder} is not a source folder: it has no {part}")
    return folder
