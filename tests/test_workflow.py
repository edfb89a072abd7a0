"""CI's workflow: actions of majors that run on a supported Node.js, each pinned by its full commit."""

import re

from infra.platform.layout import REPOSITORY

NODE24_SINCE = {"actions/checkout": 5, "actions/setup-python": 6}
"""First major version of each action that runs on Node.js 24; GitHub's runners have no older one since September 2026."""


def test_every_action_is_pinned_by_commit_and_runs_on_node_24() -> None:
    workflows = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
    used = [line for path in workflows for line in re.findall(r"uses: *(.*)", path.read_text())]
    assert used
    for line in used:
        pinned = re.fullmatch(r"([\w-]+/[\w-]+)@[0-9a-f]{40} # v(\d+)\.\d+\.\d+", line)
        assert pinned, line
        assert int(pinned[2]) >= NODE24_SINCE[pinned[1]], line
