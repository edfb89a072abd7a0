"""What `marquee status` shows of a platform in containers."""

import json

from rich.table import Table

from infra.compose.containers import Containers, describe_state, docker


def containers_table(containers: Containers) -> Table:
    """Return one row a service, with the memory that the engine counts for it, page cache left out."""
    table = Table("service", "state", "container", "ports", "memory", title="Marquee", title_justify="left")
    rows = containers.inspect()
    memory = read_memory([row["ID"] for row in rows.values() if row["State"] == "running"])
    for name, row in sorted(rows.items()):
        ports = ", ".join(f"{each['URL']}:{each['PublishedPort']}" for each in row["Publishers"] or [] if each["PublishedPort"])
        table.add_row(name, describe_state(row).lower(), row["ID"][:12], ports, memory.get(row["ID"][:12], ""))
    return table


def read_memory(ids: list[str]) -> dict[str, str]:
    """Return what each running container uses, by its short id."""
    if not ids:
        return {}
    lines = docker("stats", "--no-stream", "--format", "{{json .}}", *ids).splitlines()
    return {row["ID"][:12]: row["MemUsage"].split(" / ")[0] for row in map(json.loads, lines)}
