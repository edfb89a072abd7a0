"""What supervisord reads: its configuration, without a secret, and a start script for each part, with them."""

import hashlib
import os
import shlex
from pathlib import Path

from infra.local.supervision.service import Part
from infra.platform.layout import REPOSITORY, Layout

HEAD = """; Written by `marquee` at each start; paths are relative to this folder.
; It holds no secret: those are in parts/*.sh, which only the owner may read.
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
command=/bin/sh parts/{name}.sh
environment=MARQUEE_PART="{name}",MARQUEE_START="{digest}"
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
    """Return the part about supervisord itself."""
    user = "user=root\n" if os.geteuid() == 0 else ""  # it warns when root is not meant
    return HEAD.format(socket=str(socket).replace("%", "%%"), user=user)


def render_program(part: Part, content: str) -> str:
    """Return the part about one program; the digest of `content` makes supervisord see a changed script or environment."""
    return PROGRAM.format(
        name=part.name,
        digest=hashlib.sha256(content.encode()).hexdigest()[:16],
        stop_signal=part.stop_signal,
        stop_seconds=part.stop_seconds,
        stop_group="true" if part.stop_group else "false",
    )


def render_script(part: Part, layout: Layout) -> str:
    """Return a shell script that becomes the part: its whole environment beside supervisord's, then exec."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(part.environment.items())]
    move = [f"cd {shlex.quote(str(part.directory))}"] if part.directory else ["cd /"]
    python, here = shlex.quote(str(layout.python("local"))), shlex.quote(str(REPOSITORY))
    sweep = (
        [f"(cd {here} && {python} -m infra.local.supervision.sweep {shlex.quote(part.sweep)})"] if part.sweep is not None else []
    )
    return "\n".join(["#!/bin/sh", "set -e", *sweep, *exports, *move, f"exec {shlex.join(part.argv)}"]) + "\n"
