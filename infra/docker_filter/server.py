"""The server: each connection carries one request, which is checked, rebuilt for the engine and answered."""

import asyncio
import logging
import signal
import socket
from asyncio import StreamReader, StreamWriter

from infra.docker_filter.engine import ENGINE_SECONDS, check_room, connect, fetch_task, render
from infra.docker_filter.limits import Limits
from infra.docker_filter.policy.calls import Call, decide
from infra.docker_filter.policy.errors import EngineAway, Rejection, TooBusy, TooMany
from infra.docker_filter.policy.settings import Settings
from infra.docker_filter.rejections import reject
from infra.docker_filter.request import Request, read_request
from infra.docker_filter.streams import pass_answer, pass_both_ways

KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""Seconds, seconds, probes. The connection of a client whose machine vanished ends after a minute."""

log = logging.getLogger("docker_filter")


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Both also end open connections."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await asyncio.start_server(Filter(settings).handle, settings.filter_host, settings.filter_port)
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


class Filter:
    """The server behind one listening address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = Limits(settings)
        self._creating = asyncio.Lock()
        """Held while a container is created, so that two requests cannot both take the last free place."""

    async def handle(self, client: StreamReader, to_client: StreamWriter) -> None:
        """Serve one connection to its end."""
        try:
            _keep_alive(to_client)
            await self._serve_within_limits(client, to_client)
        except OSError as error:
            log.info("a connection ended early: %s", error)
        except asyncio.CancelledError:
            log.info("closed a connection because the filter stops")  # re-raised, asyncio would log an error
        finally:
            to_client.close()

    async def _serve_within_limits(self, client: StreamReader, to_client: StreamWriter) -> None:
        try:
            with self._limits.connection():
                await self._serve_one(client, to_client)
        except TooBusy as rejection:
            with self._limits.rejected_connection() as may_linger:
                if may_linger:
                    await reject(rejection, None, client, to_client)

    async def _serve_one(self, client: StreamReader, to_client: StreamWriter) -> None:
        request = None
        try:
            with self._limits.request_bytes() as share:
                request = await read_request(client, share)
                if request is not None:
                    await self._answer(request, client, to_client)
        except TooBusy:
            raise
        except Rejection as rejection:
            await reject(rejection, request, client, to_client)

    async def _answer(self, request: Request, client: StreamReader, to_client: StreamWriter) -> None:
        call = decide(request.method, request.target, request.body, self._settings)
        if call.upgrade and not request.upgrade:
            raise Rejection("attach needs the headers Connection: Upgrade and Upgrade: tcp")
        if call.creates:
            async with self._creating:
                try:
                    await check_room(call.creates.memory, self._settings)
                except TooMany as rejection:
                    rejection.fields = call.creates.fields
                    raise
                log.info("%s %s", call.method, call.path, extra={"fields": call.creates.fields})
                await self._pass_on(call, "", request, client, to_client)
            return
        container_id = ""
        if call.container:
            task = await fetch_task(call.container, self._settings)
            container_id = task.container_id
            if call.changes:
                log.info("%s %s", call.method, call.target(container_id), extra={"fields": task.fields()})
        await self._pass_on(call, container_id, request, client, to_client)

    async def _pass_on(
        self, call: Call, container_id: str, request: Request, client: StreamReader, to_client: StreamWriter
    ) -> None:
        engine, to_engine = await connect(self._settings)
        try:
            to_engine.write(render(call, container_id))
            head = await _read_head(call, engine) if call.upgrade else b""
            # Only after a 101 are the client's bytes a stream. Otherwise they could be a second request that was not checked.
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


def _keep_alive(to_client: StreamWriter) -> None:
    client: socket.socket = to_client.get_extra_info("socket")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        client.setsockopt(socket.IPPROTO_TCP, option, value)
