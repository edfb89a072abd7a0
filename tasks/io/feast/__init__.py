"""Feast, as the tasks use it: without the run-time checks of the types of its own arguments.

Feast decorates its classes with typeguard.typechecked, which parses and compiles their source again at each import: 4 s of 6, in
each task that uses Feast. The definitions are checked where they are written: a test imports them with the checks on.
"""

from typing import TypeVar

import typeguard

T = TypeVar("T")


def leave_unchecked(target: T) -> T:
    return target


typeguard.typechecked = leave_unchecked  # type: ignore[assignment]
