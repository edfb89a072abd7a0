"""Checks of the values in a task's container that a Python type cannot express."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

MODULE = re.compile(r"tasks\.([a-z][a-z_]*)")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FLAG = re.compile(r"--[a-z]{1,20}(-[a-z]{1,20})*|--part=(features|model)")
FLAGS_MAX = 8
VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=[^\0]*")
CODE_VARIABLE = re.compile(r"PATH|LD_.*|GCONV_PATH|OPENSSL_.*|PYTHON(?!UNBUFFERED$|FAULTHANDLER$|DONTWRITEBYTECODE$).*")
"""Variables that can make the same command run other code. They are rejected even if the settings allow them."""
TMPFS_OPTION = re.compile(r"rw|noexec|nosuid|nodev|size=[1-9][0-9]{0,10}[kmg]?")


def check_empty(value: Any) -> None:
    """Raise ValueError unless the value is empty."""
    if value not in (None, "", [], {}):
        raise ValueError("may not be set")


def check_command(command: list[str]) -> list[str]:
    """Return the command. Raise ValueError unless it is the command of a task."""
    match command:
        case ["python", "-m", module] if MODULE.fullmatch(module):
            return command
        case ["python", "-m", module, "--day", day, *flags] if MODULE.fullmatch(module) and DAY.fullmatch(day):
            if len(flags) <= FLAGS_MAX and all(map(FLAG.fullmatch, flags)):
                return command
    raise ValueError('must be ["python", "-m", "tasks.<verb>"], with or without "--day", "YYYY-MM-DD" and flags')


def check_variables(variables: list[str]) -> list[str]:
    """Return the variables. Raise ValueError unless each is NAME=value and changes no code. The error quotes no value."""
    for position, variable in enumerate(variables):
        match = VARIABLE.fullmatch(variable)
        if match is None:
            raise ValueError(f"entry {position} is not NAME=value")
        if CODE_VARIABLE.fullmatch(match[1]):
            raise ValueError(f"entry {position} sets {match[1]}, which changes the code that runs; set it in the image")
    return variables


def check_tmpfs(options: str) -> str:
    """Return the options of a tmpfs. Raise ValueError unless they limit its size and forbid programs and devices."""
    names = [option.partition("=")[0] for option in options.split(",") if TMPFS_OPTION.fullmatch(option)]
    if sorted(names) != ["nodev", "noexec", "nosuid", "rw", "size"] or len(names) != len(options.split(",")):
        raise ValueError('must be "rw,noexec,nosuid,nodev,size=<n>[kmg]"')
    return options


Empty = Annotated[Any, AfterValidator(check_empty), Field(default=None, exclude=True)]
"""A field that the client may omit or send empty. The engine's default applies in both cases."""
LabelText = Annotated[str, Field(pattern=r"^[^\p{Cc}]{1,250}$")]
Command = Annotated[list[str], AfterValidator(check_command)]
Variables = Annotated[list[str], AfterValidator(check_variables), Field(max_length=200)]
TmpfsOptions = Annotated[str, AfterValidator(check_tmpfs)]
