"""Separates TMDB's own answers from pages that a proxy, a CDN or a login portal sends in its place.

A setting counts as wrong only if TMDB itself rejects it. A page from another server is one failed try; the address counts as
wrong only if every try got such a page and TMDB itself has not answered in this run.
"""

from tasks.core.errors import AccessDenied, BadSetting, TaskError
from tasks.core.tmdb.parse import is_tmdb_error, parse_message, seems_complete_json
from tasks.io.retries import FailedTry, read_retry_after
from tasks.io.tmdb.http import Reply


class NotAnAnswer(FailedTry):
    """A reply that is not TMDB's answer to the request."""

    def __init__(self, message: str, reply: Reply, pause: float | None = None) -> None:
        super().__init__(message, pause)
        self.reply = reply


def check_reply(reply: Reply) -> None:
    """Raise AccessDenied if TMDB refuses the token, NotAnAnswer if another try may bring TMDB's answer."""
    status = reply.status
    own_error = is_tmdb_error(reply.body)
    if status in {401, 403} and own_error:
        raise AccessDenied(f"TMDB refuses TMDB_ACCESS_TOKEN with {status}: {parse_message(reply.body)}")
    if status in {408, 425, 429} or status >= 500:
        pause = read_retry_after(reply.headers.get("Retry-After"))
        raise NotAnAnswer(f"answered {status}: {parse_message(reply.body)}", reply, pause)
    if status == 200 and not seems_complete_json(reply.body):
        raise NotAnAnswer(f"answered 200 without whole JSON: {parse_message(reply.body)}", reply)
    if status != 200 and not own_error:
        raise NotAnAnswer(f"answered {status}, and not in TMDB's form: {parse_message(reply.body)}", reply)


def find_wrong_setting(reply: Reply) -> TaskError | None:
    """Return the error for an address at which TMDB has never answered; None for a reply that another run may not get."""
    status = reply.status
    if 300 <= status < 400:
        target = f"{reply.headers.get('Location')!r:.200}"
        return BadSetting(f"TMDB_BASE_URL: it answers {status} at each try and points to {target}; set that address")
    if 400 <= status < 500 and status not in {408, 425, 429}:
        excerpt = parse_message(reply.body)
        return BadSetting(f"TMDB_BASE_URL: not TMDB but something else answers there, with {status} at each try: {excerpt}")
    return None
