"""The files that supervisord reads: a configuration without secrets, and a start script with secrets for each service."""

import hashlib
import os
import shlex
from pathlib import Path

from infra.local.supervision.service import Service
from infra.platform.layout import REPOSITORY, Layout

HEAD = """; Written by `marquee` at each start; paths are relative to this folder.
; It holds no secret: those are in services/*.sh, which only the owner may read.
[unix_http_server]
file={socket}
chmod=0700
[supervisord]
pidfile=supervisord.pid
logfile=../logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
umask=077
{user}[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
PROGRAM = """[program:{name}]
command=/bin/sh services/{name}.sh
environment=MARQUEE_SERVICE="{name}",MARQUEE_START="{digest}"
autostart=false
autorestart=true
startsecs=1
startretries=60
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
stopasgroup={stop_group}
killasgroup=true
redirect_stderr=true
stdout_logfile=../logs/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def render_head(socket: Path) -> str:
    """Return the section about supervisord itself."""
    user = "user=root\n" if os.geteuid() == 0 else ""  # without it supervisord warns that it runs as root
    return HEAD.format(socket=str(socket).replace("%", "%%"), user=user)


def render_program(service: Service, content: str) -> str:
    """Return the section about one service. The digest of `content` shows supervisord a changed script or environment."""
    return PROGRAM.format(
        name=service.name,
        digest=hashlib.sha256(content.encode()).hexdigest()[:16],
        stop_signal=service.stop_signal,
        stop_seconds=service.stop_seconds,
        stop_group="true" if service.stop_group else "false",
    )


def render_script(service: Service, layout: Layout) -> str:
    """Return the shell script that starts the service: it exports the environment, then replaces itself with the program."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(service.environment.items())]
    move = [f"cd {shlex.quote(str(service.directory))}"] if service.directory else ["cd /"]
    python, here = shlex.quote(str(layout.python("local"))), shlex.quote(str(REPOSITORY))
    sweep = []
    if service.sweep is not None:
        sweep = [f"(cd {here} && {python} -m infra.local.supervision.sweep {shlex.quote(service.sweep)})"]
    return "\n".join(["#!/bin/sh", "set -e", *sweep, *exports, *move, f"exec {shlex.join(service.argv)}"]) + "\n"
