"""`run_task`, the only way in which a DAG starts a task. The setting TASK_RUNNER selects a process, container or pod."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator

from dags.runners.command import DUE, check_day, make_flag
from dags.runners.environment import read_queue, read_runner

NO_FLAGS: Mapping[str, str] = {}


def run_task(
    verb: str,
    *,
    timeout: timedelta,
    memory: str = "2g",
    flags: Mapping[str, str] = NO_FLAGS,
    arguments: Sequence[str] = (),
    **options: Any,
) -> BaseOperator:
    """Return a task that runs `python -m tasks.<verb> --day …`. It takes arguments, returns an exit code and does not use XCom.

    verb: a module of `tasks`. timeout: the limit of one attempt. memory: the limit of a container or pod, including /tmp, as
    512m or 2g; a process has no limit. flags: the name of each flag -> the DAG param that sets it. arguments: fixed arguments
    of the verb, as `--name=word`. options: options of BaseOperator, such as outlets or doc_md.
    """
    if not re.fullmatch(r"[1-9]\d*[mg]", memory):
        raise ValueError(f"memory of {verb} is {memory!r}; write it as 512m or 2g")
    operator = load_operator(read_runner())
    templates = [DUE, *(make_flag(name, param) for name, param in flags.items()), *arguments]
    defaults = {"task_id": verb, "pre_execute": check_day, **read_queue()}
    return operator(verb=verb, memory=memory, flags=templates, execution_timeout=timeout, **{**defaults, **options})


def load_operator(runner: str) -> type[BaseOperator]:
    """Return the operator of a runner.

    Each operator is imported only when used, because every task parses its DAG file and Kubernetes' client loads for seconds.
    """
    match runner:
        case "process":
            from dags.runners.process import TaskProcess  # noqa: PLC0415

            return TaskProcess
        case "docker":
            from dags.runners.docker import TaskContainer  # noqa: PLC0415

            return TaskContainer
        case _:
            from dags.runners.kubernetes import TaskPod  # noqa: PLC0415

            return TaskPod
