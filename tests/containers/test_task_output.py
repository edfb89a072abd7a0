"""Tests the output of a task's container through the real filter and engine: complete, also over a restart of the filter."""

import io
import os
import subprocess
import tarfile
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import docker
import pytest

from dags.runners.docker import TaskContainer
from infra.platform.layout import REPOSITORY
from tests.dags.runners.fake_engine import context
from tests.infra.docker_filter.running import run_filter

pytestmark = pytest.mark.containers

NUMBERED = 400
LONG_LINE = 40 * 1024**2
PROGRAM = f"""
import os, time
def write(data):
    while data:
        data = data[os.write(1, data):]
write(b"cut \\xc3")
time.sleep(1)
write(b"\\xa9\\n")
write(b"\\xc3\\xa9" * ({LONG_LINE} // 2) + b"\\n")
for number in range({NUMBERED}):
    write(f"line {{number}}\\n".encode())
    time.sleep(0.02)
write(b"end")
"""
"""A task that writes for some seconds; in "cut é" the two bytes of the last character come one second apart."""


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> Iterator[str]:
    """An image with one task of its own, on the base image that the platform's images have."""
    made = subprocess.run(["sh", "infra/images/bases/make.sh"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    files = {"Dockerfile": "FROM python:3.11-slim-bookworm\nWORKDIR /app\nCOPY talk.py tasks/\n", "talk.py": PROGRAM}
    build_context = io.BytesIO()
    with tarfile.open(fileobj=build_context, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    build_context.seek(0)
    tag = f"marquee/talk:{uuid.uuid4().hex[:8]}"
    engine.images.build(fileobj=build_context, custom_context=True, tag=tag, rm=True)
    yield tag
    engine.images.remove(tag, force=True)


@pytest.fixture
def network(engine: docker.DockerClient) -> Iterator[str]:
    made = engine.networks.create(f"marquee-talk-{uuid.uuid4().hex[:8]}")
    yield str(made.name)
    made.remove()


def test_the_whole_output_arrives_though_the_filter_is_restarted(
    engine: docker.DockerClient, image: str, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = f"talk-{uuid.uuid4().hex[:8]}"
    settings = {"TASKS_IMAGE": image, "TASKS_NETWORK": network, "MARQUEE_PLATFORM": platform}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    socket = Path(os.environ.get("DOCKER_SOCKET", "/var/run/docker.sock"))
    lines: list[str] = []
    begun = threading.Event()

    def keep(line: str) -> None:
        lines.append(line)
        if line == "line 50":
            begun.set()

    with run_filter(socket, tmp_path, **settings) as first:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{first.port}")
        task = TaskContainer(task_id="talk", verb="talk", memory="512m", day="2026-11-22", execution_timeout=timedelta(minutes=2))
        monkeypatch.setattr(task, "_write_line", keep)
        failures: list[BaseException] = []
        runner = threading.Thread(target=lambda: run(task, failures))
        runner.start()
        assert begun.wait(60), lines
        first.process.terminate()
        first.process.wait(10)
        with run_filter(socket, tmp_path, **settings, FILTER_PORT=str(first.port)):
            runner.join(120)
    assert failures == []
    assert not runner.is_alive()
    written = [line for line in lines if "was cut" not in line]
    assert len(lines) - len(written) == 1
    cut, long, *numbered = written
    assert cut == "cut é"
    assert (len(long), set(long)) == (LONG_LINE // 2, {"é"})
    assert numbered == [*(f"line {number}" for number in range(NUMBERED)), "end"]
    assert engine.containers.list(all=True, filters={"label": [f"marquee.platform={platform}"]}) == []


def run(task: TaskContainer, failures: list[BaseException]) -> None:
    try:
        task.execute(context(task="talk"))
    except BaseException as error:  # noqa: BLE001  # a thread: the test reports it
        failures.append(error)
