"""Runs the child process that fetches and tries one artifact."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from serving.core.artifacts import ArtifactRejected, FetchFailed

_PROJECT_ROOT = Path(__file__).parents[2]


async def run_fetch_child(module: str, arguments: Sequence[str], environment: Mapping[str, str], seconds: float) -> None:
    """Run `python -m module`, which stores one artifact in the cache. Raise ArtifactRejected or FetchFailed.

    It is a separate process because the client libraries cost memory and a bad file may crash the process that opens it. Its
    exit codes (sysexits.h): 0 stored, 65 rejected with the reason on stderr, 75 the store does not answer.
    """
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", module, *arguments],
        cwd=_PROJECT_ROOT,
        env=os.environ | dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            _, stderr = await child.communicate()
    except TimeoutError:
        raise FetchFailed(f"fetching took longer than {seconds:g} s and was stopped") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    last_line = stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
    if child.returncode == os.EX_TEMPFAIL:
        raise FetchFailed(f"fetching failed: {last_line}")
    if child.returncode == os.EX_DATAERR:
        raise ArtifactRejected(last_line)
    if child.returncode != os.EX_OK:
        raise ArtifactRejected(f"its trial ended with exit code {child.returncode}: {last_line}")
