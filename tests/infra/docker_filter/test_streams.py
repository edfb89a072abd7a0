"""Streams of a container's output through the running filter: both ways, half closed, and cut off."""

import signal
from pathlib import Path

import pytest

from tests.infra.docker_filter.calls import attach, post
from tests.infra.docker_filter.fake_engine import TASK, FakeEngine, frame
from tests.infra.docker_filter.running import Filter, run_filter

pytestmark = pytest.mark.integration


def test_a_stream_goes_both_ways(docker_filter: Filter, engine: FakeEngine) -> None:
    stream = docker_filter.client().attach_socket(TASK)
    stream._sock.sendall(b"hello")
    assert stream.read(13) == frame(b"HELLO")
    stream._sock.sendall(b"again")
    assert stream.read(13) == frame(b"AGAIN")


def test_a_stream_ends_with_the_container(docker_filter: Filter, engine: FakeEngine) -> None:
    client = docker_filter.client()
    output = client.attach(TASK, stream=True)
    output._response.raw._fp.fp.raw._sock.sendall(b"end")
    assert list(output) == [b"END"]


def test_a_side_may_stop_sending_first(docker_filter: Filter, engine: FakeEngine) -> None:
    with docker_filter.connect() as client:
        client.sendall(attach(TASK) + b"early")
        client.shutdown(1)
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert received.partition(b"\r\n\r\n")[2] == frame(b"EARLY") + frame(b"bye")


def test_a_client_that_leaves_ends_its_call(docker_filter: Filter, engine: FakeEngine) -> None:
    with docker_filter.connect() as client:
        client.sendall(post("Content-Length: 0", path=f"/v1.41/containers/{TASK}/wait"))
        assert engine.asked.wait(5)
        assert not engine.left.is_set()
    assert engine.left.wait(2)


def test_a_client_that_leaves_ends_its_stream_even_if_the_container_is_silent(docker_filter: Filter, engine: FakeEngine) -> None:
    with docker_filter.connect() as client:
        client.sendall(attach(TASK))
        assert client.recv(65536).startswith(b"HTTP/1.1 101 ")  # left unread, it would make the leaving a reset
        client.sendall(b"be silent")
        assert not engine.left.wait(0.2)
    assert engine.left.wait(10)


def test_sigterm_ends_it_while_a_stream_is_open(engine: FakeEngine, folder: Path, tmp_path: Path) -> None:
    with run_filter(folder / "docker.sock", tmp_path) as running, running.connect() as client:
        client.sendall(attach(TASK) + b"be silent")
        assert engine.asked.wait(5)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(3) == 0
        assert engine.left.wait(3)
        assert "Traceback" not in running.log.read_text()
