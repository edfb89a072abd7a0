"""The tables that the commands print: the state of the services, the doctor's findings, the next steps."""

import json

import psutil
from rich.console import Console
from rich.table import Table

from infra.cli.doctor import Finding
from infra.compose.containers import Containers, describe_state, docker
from infra.local.stack import Stack
from infra.local.supervision.processes import memory
from infra.platform.accounts import AIRFLOW_USER
from infra.platform.protocol import Platform

MEGABYTE = 10**6


def make_console() -> Console:
    """Return the console. Without a terminal it is wide enough for any address."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=140)


def status_table(platform: Stack | Containers) -> Table:
    """Return a table of the services' states, for processes or for containers."""
    return containers_table(platform) if isinstance(platform, Containers) else processes_table(platform)


def processes_table(stack: Stack) -> Table:
    """Return a table with one row for each service, and the sum of their memory."""
    table = Table("service", "state", "pid", "port", "url", "memory", title="Marquee", title_justify="left")
    processes, total = stack.supervisor.processes(), 0
    for name, service in stack.services.items():
        process = processes.get(name, {})
        pid = process.get("pid") or 0
        used = memory(psutil.Process(pid)) if pid and psutil.pid_exists(pid) else 0
        total += used
        firsts: dict[str, int] = {}  # the first port of each setting, since one setting may stand for several consecutive ports
        for endpoint in service.listens:
            firsts.setdefault(endpoint.setting, endpoint.port)
        ports = ", ".join(map(str, firsts.values()))
        state = str(process.get("statename", "STOPPED")).lower()
        table.add_row(name, state, str(pid or ""), ports, service.url, f"{used / MEGABYTE:.0f} MB" if used else "")
    table.add_section()
    table.add_row("all", "", "", "", "", f"{total / MEGABYTE:.0f} MB")
    return table


def containers_table(containers: Containers) -> Table:
    """Return a table with one row for each service, with the engine's figure of its memory without page cache."""
    table = Table("service", "state", "container", "ports", "memory", title="Marquee", title_justify="left")
    rows = containers.inspect()
    usage = read_memory([row["ID"] for row in rows.values() if row["State"] == "running"])
    for name, row in sorted(rows.items()):
        ports = ", ".join(f"{port['URL']}:{port['PublishedPort']}" for port in row["Publishers"] or [] if port["PublishedPort"])
        table.add_row(name, describe_state(row).lower(), row["ID"][:12], ports, usage.get(row["ID"][:12], ""))
    return table


def read_memory(ids: list[str]) -> dict[str, str]:
    """Return the memory use of each running container, by short id."""
    if not ids:
        return {}
    lines = docker("stats", "--no-stream", "--format", "{{json .}}", *ids).splitlines()
    return {row["ID"][:12]: row["MemUsage"].split(" / ")[0] for row in map(json.loads, lines)}


def findings_table(findings: list[Finding]) -> Table:
    """Return a table with one row for each check."""
    table = Table("check", "", "found", "seconds", title="Doctor", title_justify="left")
    for finding in findings:
        table.add_row(finding.check, "ok" if finding.ok else "FAIL", finding.detail, f"{finding.seconds:.2f}")
    return table


def entry_points(platform: Platform) -> list[tuple[str, str]]:
    """Return the names and addresses of the pages that users open."""
    endpoints = platform.endpoints
    feast_ui = [("Feast UI", endpoints.feast_ui.url)] if "feast-ui" in platform.names() else []
    return [
        ("API", f"{endpoints.api.url}/docs"),
        ("Airflow", endpoints.airflow.url),
        ("MLflow", endpoints.mlflow.url),
        *feast_ui,
    ]


def next_table(platform: Platform, movie: str) -> Table:
    """Return a table of useful addresses and commands."""
    uris = dict(entry_points(platform))
    passwords = platform.settings.layout.airflow_passwords
    table = Table("to", title="Where to go next", title_justify="left")
    table.add_column("go to", overflow="fold")  # an address must not be truncated
    table.add_row("predict a rating", f"curl '{platform.endpoints.api.url}/predict?movie_id={movie}'   or {uris['API']}")
    table.add_row("run and watch the DAGs", f"{uris['Airflow']}   as {AIRFLOW_USER}, password in {passwords}")
    table.add_row("look at models and runs", uris["MLflow"])
    table.add_row("look at features", " or ".join(filter(None, [uris.get("Feast UI"), 'make feast ARGS="feature-views list"'])))
    table.add_row("check the platform", "make status, make doctor, make logs")
    table.add_row("stop", "make down (keeps the data; make reset removes them)")
    return table
