"""The errors a task can end with, named for what the reader does next; each carries its sysexits.h exit code."""

import os


class TaskError(Exception):
    """A failure that is understood; the message names the wrong value and what to do."""

    exit_code = 1


class BadInput(TaskError):
    """The source's data is not what its format promises; a retry with the same bytes fails again."""

    exit_code = os.EX_DATAERR


class Skewed(BadInput):
    """The API was given other features than the offline store holds; publishing more would hide it."""


class Differs(TaskError):
    """What was made again is not what was recorded."""


class Unknown(TaskError):
    """What was asked for by name is not there."""

    exit_code = os.EX_NOINPUT


class Unavailable(TaskError):
    """An outside system does not answer, or answers 5xx; a later try may succeed."""

    exit_code = os.EX_TEMPFAIL


class Superseded(TaskError):
    """A later attempt at the same work has taken over; nothing of this one is committed from here on."""

    exit_code = os.EX_TEMPFAIL


class AccessDenied(TaskError):
    """An outside system refuses our credentials; someone must correct a setting."""

    exit_code = os.EX_NOPERM


class BadSetting(TaskError):
    """A setting is missing or wrong; the message names it."""

    exit_code = os.EX_CONFIG


class UnknownSchema(BadSetting):
    """A database has the schema of another release; someone must run the migrations or the other release."""
