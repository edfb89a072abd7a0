"""The errors that end a task, named for what to do next; each carries its exit code of sysexits.h.

TaskError            1   a failure with a known cause
  WrongDay          64   a day that has not come yet: give an earlier one
  BadInput          65   the data breaks its format: correct the data
    BadModel        65   a model's outputs are not ratings: train another version
    Skewed          65   the API and the offline store differ: find out why, or accept it
  Differs            1   a prediction made again differs from its receipt: find out why
  Unknown           66   the requested name or id does not exist: correct it
  Unavailable       75   an outside system does not answer: try later
  Superseded        75   a later attempt does the work: nothing to do
  AccessDenied      77   an outside system refuses our credentials: correct them
  BadSetting        78   a setting is missing or wrong: correct it
    UnknownSchema   78   a database has the schema of another release: run the migrations, or that release
"""

import os


class TaskError(Exception):
    """A failure with a known cause. The message shows the wrong value and what to do about it."""

    exit_code = 1


class WrongDay(TaskError):
    """The day has not come yet, so no source has data of it."""

    exit_code = os.EX_USAGE


class BadInput(TaskError):
    """The data that the task reads is not what its format promises; another try with the same data fails again."""

    exit_code = os.EX_DATAERR


class BadModel(BadInput):
    """A model does not give each movie of a feature set a rating from 1 to 10."""


class Skewed(BadInput):
    """The API received other features than the offline store holds; publishing more would hide it."""


class Differs(TaskError):
    """A prediction that was made again is not what its receipt says."""


class Unknown(TaskError):
    """The requested name or id does not exist."""

    exit_code = os.EX_NOINPUT


class Unavailable(TaskError):
    """An outside system does not answer, or answers 5xx; a later try may succeed."""

    exit_code = os.EX_TEMPFAIL


class Busy(Unavailable):
    """Another attempt at the same work has not ended; a later try may succeed."""


class Superseded(TaskError):
    """A later attempt at the same work has taken over; this one commits nothing any more."""

    exit_code = os.EX_TEMPFAIL


class AccessDenied(TaskError):
    """An outside system refuses our credentials; correct a setting."""

    exit_code = os.EX_NOPERM


class BadSetting(TaskError):
    """A setting is missing or wrong; the message names it."""

    exit_code = os.EX_CONFIG


class UnknownSchema(BadSetting):
    """A database has the schema of another release; run the migrations, or the other release of the tasks."""
