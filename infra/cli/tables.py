"""What people see in tables: the state of the parts, the doctor's findings, where to go next."""

import psutil
from rich.console import Console
from rich.table import Table

from infra.cli.doctor import Finding
from infra.local.services.airflow import PASSWORDS, airflow_uri
from infra.local.services.api import api_uri
from infra.local.stack import Stack
from infra.local.supervision.processes import memory
from infra.platform.environment import AIRFLOW_USER, mlflow_uri
from infra.platform.protocol import Platform

MEGABYTE = 10**6


def make_console() -> Console:
    """Return the console; off a terminal its tables are wide enough for any address."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=140)


def status_table(stack: Stack) -> Table:
    """Return one row a part, and the sum of the memory."""
    table = Table("part", "state", "pid", "port", "url", "memory", title="Marquee", title_justify="left")
    processes, total = stack.supervisor.processes(), 0
    for name, part in stack.parts.items():
        process = processes.get(name, {})
        pid = process.get("pid") or 0
        used = memory(psutil.Process(pid)) if pid and psutil.pid_exists(pid) else 0
        total += used
        firsts: dict[str, int] = {}  # of a row of ports under one setting, the first
        for _, setting, number in part.ports:
            firsts.setdefault(setting, number)
        port = ", ".join(map(str, firsts.values()))
        state = str(process.get("statename", "STOPPED")).lower()
        table.add_row(name, state, str(pid or ""), port, part.url, f"{used / MEGABYTE:.0f} MB" if used else "")
    table.add_section()
    table.add_row("all", "", "", "", "", f"{total / MEGABYTE:.0f} MB")
    return table


def findings_table(findings: list[Finding]) -> Table:
    """Return one row a check."""
    table = Table("check", "", "found", "seconds", title="Doctor", title_justify="left")
    for finding in findings:
        table.add_row(finding.check, "ok" if finding.well else "ILL", finding.detail, f"{finding.seconds:.2f}")
    return table


def doors(platform: Platform) -> list[tuple[str, str]]:
    """Return what people open."""
    settings = platform.settings
    feast_ui = [("Feast UI", f"http://127.0.0.1:{settings.feast_ui_port}")] if "feast-ui" in platform.names() else []
    return [
        ("API", f"{api_uri(settings)}/docs"),
        ("Airflow", airflow_uri(settings)),
        ("MLflow", mlflow_uri(settings)),
        *feast_ui,
    ]


def next_table(platform: Platform, movie: str) -> Table:
    """Return where to go from here."""
    uris = dict(doors(platform))
    passwords = platform.settings.layout.secrets / PASSWORDS
    table = Table("to", title="Where to go next", title_justify="left")
    table.add_column("go to", overflow="fold")  # an address is to be copied whole
    table.add_row("predict a rating", f"curl '{api_uri(platform.settings)}/predict?movie_id={movie}'   or {uris['API']}")
    table.add_row("run and watch the DAGs", f"{uris['Airflow']}   as {AIRFLOW_USER}, password in {passwords}")
    table.add_row("look at models and runs", uris["MLflow"])
    table.add_row("look at features", " or ".join(filter(None, [uris.get("Feast UI"), 'make feast ARGS="feature-views list"'])))
    table.add_row("see how it all is", "make status, make doctor, make logs")
    table.add_row("stop", "make down (data stay; make reset removes them)")
    return table
