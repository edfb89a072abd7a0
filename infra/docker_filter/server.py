"""One connection, one request: read it, decide, ask the engine in our own words, pass the answer back."""

import asyncio
import json
import logging
import signal
import socket
from asyncio import StreamReader, StreamWriter
from functools import partial
from http import HTTPStatus

from infra.docker_filter.engine import ENGINE_SECONDS, connect, find_task, render
from infra.docker_filter.errors import EngineAway, NoSuchContainer, Refusal
from infra.docker_filter.policy import Call, decide
from infra.docker_filter.request import Request, read_request
from infra.docker_filter.settings import Settings
from infra.docker_filter.streams import drop, pass_answer, pass_both_ways

LINGER_SECONDS = 2
"""A refused client may still be sending its body: closed on at once, it would lose the answer."""
KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""Seconds, seconds, probes: a client whose machine vanished is gone after a minute."""

log = logging.getLogger("docker_filter")


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, which end open connections too."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await asyncio.start_server(partial(handle, settings), settings.filter_host, settings.filter_port)
    log.info(
        "listening on %s:%s for tasks of %s: image %s, network %s",
        settings.filter_host,
        settings.filter_port,
        settings.marquee_platform,
        settings.tasks_image,
        settings.tasks_network,
    )
    await stop.wait()
    server.close()


async def handle(settings: Settings, client: StreamReader, to_client: StreamWriter) -> None:
    """Serve one connection to its end."""
    try:
        _keep_alive(to_client)
        await _serve_one(settings, client, to_client)
    except OSError as error:
        log.info("a connection ended early: %s", error)
    except asyncio.CancelledError:
        log.info("a connection was ended by the filter's own end")  # raised on, asyncio would log it as a fault
    finally:
        to_client.close()


async def _serve_one(settings: Settings, client: StreamReader, to_client: StreamWriter) -> None:
    request = None
    try:
        request = await read_request(client)
        if request is not None:
            await _answer(request, settings, client, to_client)
    except Refusal as refusal:
        await _refuse(refusal, request, client, to_client)


async def _answer(request: Request, settings: Settings, client: StreamReader, to_client: StreamWriter) -> None:
    call = decide(request.method, request.target, request.body, settings)
    if call.upgrade and not request.upgrade:
        raise Refusal("attach needs the headers Connection: Upgrade and Upgrade: tcp")
    container_id = await find_task(call.container, settings) if call.container else ""
    engine, to_engine = await connect(settings)
    try:
        to_engine.write(render(call, container_id))
        head = await _read_head(call, engine) if call.upgrade else b""
        # Unless the engine has left HTTP, the client's next bytes would be a request that nobody has looked at.
        if head.startswith(b"HTTP/1.1 101 "):
            to_client.write(head)
            to_engine.write(request.early)
            await pass_both_ways(client, to_client, engine, to_engine)
        else:
            await pass_answer(client, engine, to_client, head)
    finally:
        to_engine.close()


async def _read_head(call: Call, engine: StreamReader) -> bytes:
    try:
        async with asyncio.timeout(ENGINE_SECONDS):
            return await engine.readuntil(b"\r\n\r\n")
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise EngineAway(f"the Docker engine did not answer {call.method} {call.path}") from None


async def _refuse(refusal: Refusal, request: Request | None, client: StreamReader, to_client: StreamWriter) -> None:
    asked = f"{request.method} {request.target.partition('?')[0]:.200}" if request else "a request"
    log.warning("%d for %s: %s", refusal.status, asked, refusal)
    # Docker's own words for what is Docker's own case; clients look for them.
    told = str(refusal) if isinstance(refusal, NoSuchContainer | EngineAway) else f"the filter refuses {asked}: {refusal}"
    body = json.dumps({"message": told}).encode() + b"\n"
    head = (
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    to_client.write(head.encode("ascii") + body)
    to_client.write_eof()
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            await drop(client)
    except TimeoutError:
        log.info("a refused client went on sending, and was cut off")


def _keep_alive(to_client: StreamWriter) -> None:
    client: socket.socket = to_client.get_extra_info("socket")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        client.setsockopt(socket.IPPROTO_TCP, option, value)
