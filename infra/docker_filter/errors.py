"""Why a request is not passed on to the engine: each error is one answer, with its status."""

from collections.abc import Mapping


class Rejection(Exception):
    """The call or its body is not among those that are let through.

    The message is sent to the client and logged, so it never quotes the variables of a body.
    """

    status = 403
    fields: Mapping[str, str | int] = {}
    """Log fields that name the attempt of the task, where it is known."""


class Malformed(Rejection):
    """The bytes are not an HTTP/1.1 request, or they are one that two servers might read in two ways."""

    status = 400


class TooSlow(Rejection):
    """The request was not complete in time."""

    status = 408


class TooLarge(Rejection):
    """The head or the body is larger than any request of a task."""

    status = 413


class TooMany(Rejection):
    """As many containers of tasks exist as may, or together they have all the memory that they may have."""

    status = 429


class TooBusy(Rejection):
    """As many connections are open as may be, or their requests hold all the memory that they may hold."""

    status = 503


class NoSuchContainer(Rejection):
    """No container has this id, or the one that has it is not a task of this platform: a client cannot tell which."""

    status = 404


class EngineAway(Rejection):
    """The engine does not listen, or it ends the connection without an answer."""

    status = 502
