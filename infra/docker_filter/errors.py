"""Why a request is not passed on to the engine: each error is one answer, with its status."""


class Refusal(Exception):
    """Not among the calls or bodies that are let through. The message is shown and logged, so it never quotes a body's Env."""

    status = 403


class Malformed(Refusal):
    """The bytes are no HTTP/1.1 request, or one that two servers might read in two ways."""

    status = 400


class TooSlow(Refusal):
    """The request was not whole in time."""

    status = 408


class TooLarge(Refusal):
    """The head or the body is larger than any request of ours."""

    status = 413


class NoSuchContainer(Refusal):
    """No container has this id, or one that is not a task of this platform: a client cannot tell which."""

    status = 404


class EngineAway(Refusal):
    """The engine does not listen, or ends the connection without an answer."""

    status = 502
