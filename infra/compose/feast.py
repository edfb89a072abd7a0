"""The feast CLI in a container, on the feature set that is live."""

from infra.compose.containers import Containers
from infra.local.services.feast import read_pointer


def run_feast_in_container(containers: Containers, arguments: list[str]) -> int:
    """Run the feast CLI and return its exit code."""
    pointer = read_pointer(containers.settings, containers.secrets)
    project = pointer["feature_set"] if pointer else "marquee"
    return containers.run("run", "--rm", "--no-TTY", "feast", *arguments, environment={"FEAST_PROJECT": project})
