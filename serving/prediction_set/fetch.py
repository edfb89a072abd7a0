"""The child that fetches a catalogue, started and understood."""

import asyncio
import os
import sys
from pathlib import Path

from serving.prediction_set.metadata import PredictionSetRejected
from serving.prediction_set.pointer import Published

FETCH_SECONDS = 120.0
"""A catalogue that is not downloaded and tried within this time is given up, and tried again later."""
_PROJECT_ROOT = Path(__file__).parents[2]


class FetchFailed(Exception):
    """The catalogue could not be fetched now; a later poll tries again."""


async def fetch(bucket: str, published: Published, cache: Path) -> None:
    """Run the download and the trial in a child; raises PredictionSetRejected or FetchFailed."""
    what = ["--bucket", bucket, "--key", published.key, "--sha256", published.sha256, "--bytes", str(published.size)]
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "serving.prediction_set.fetch_child", *what, "--cache", str(cache)],
        cwd=_PROJECT_ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            _, stderr = await child.communicate()
    except TimeoutError:
        raise FetchFailed(f"fetching catalogue {published.sha256[:12]}… took too long and was stopped") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    said = stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
    if child.returncode == os.EX_TEMPFAIL:
        raise FetchFailed(f"fetching catalogue {published.sha256[:12]}… failed: {said}")
    if child.returncode == os.EX_DATAERR:
        raise PredictionSetRejected(said)
    if child.returncode != os.EX_OK:
        raise PredictionSetRejected(f"its trial ended with {child.returncode}: {said}")
