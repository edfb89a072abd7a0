"""The reasons for rejecting a request. Each error becomes one HTTP answer with its own status."""

from collections.abc import Mapping


class Rejection(Exception):
    """A call or a body that the filter does not allow.

    The message goes to the client and into the log, so it never quotes the variables in a body.
    """

    status = 403
    fields: Mapping[str, str | int] = {}
    """Log fields that name the task's attempt, if it is known."""


class Malformed(Rejection):
    """Bytes that are not an HTTP/1.1 request, or that two servers could interpret differently."""

    status = 400


class TooSlow(Rejection):
    """A request that was not complete in time."""

    status = 408


class TooLarge(Rejection):
    """A head or body that is larger than any request of a task."""

    status = 413


class TooMany(Rejection):
    """A new container that would exceed the limit of task containers, or of their memory together."""

    status = 429


class TooBusy(Rejection):
    """A connection that would exceed the limit of open connections, or of memory for requests."""

    status = 503


class NoSuchContainer(Rejection):
    """An id of no container, or of a container that is not a task of this platform. Clients cannot tell the two apart."""

    status = 404


class EngineAway(Rejection):
    """An engine that does not listen, or that closes the connection without an answer."""

    status = 502
