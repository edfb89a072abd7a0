"""The servers of a throw-away stack, killed and brought back."""

import os
import shutil
import signal
from secrets import token_hex

from redis import Redis

from infra.local.stack import Stack
from tests.serving.servers import wait_until


class Parts:
    """A part that is killed stays down until it is brought back: supervisord would start it again at once."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def pid(self, name: str) -> int:
        return int(self._stack.supervisor.processes()[name]["pid"])

    def kill(self, name: str) -> None:
        """SIGKILL to it and all its children, and no new start."""
        pid = self.pid(name)
        os.killpg(pid, signal.SIGSTOP)  # so that it does not come to obey the next line
        self._stack.supervisor.call("stopProcess", name, False)
        os.killpg(pid, signal.SIGKILL)
        wait_until(lambda: self._stack.state(name) == "STOPPED", what=f"{name} being down")

    def bring_back(self, name: str) -> None:
        """Start it and wait until it answers."""
        self._stack.supervisor.start_service(name)
        wait_until(lambda: self._is_well(name), what=f"{name} being back")

    def _is_well(self, name: str) -> bool:
        try:
            self._stack.services[name].check()
        except Exception:  # noqa: BLE001  # each part's client has errors of its own, and all of them mean: not yet
            return False
        return True

    def pause(self, name: str) -> None:
        os.killpg(self.pid(name), signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        os.killpg(self.pid(name), signal.SIGCONT)

    def open_redis(self) -> Redis:
        """An administrator's client of Redis, which the stack itself has none of."""
        layout, user, password = self._stack.settings.layout, f"bench_{token_hex(4)}", token_hex()
        with (layout.run / "redis.acl").open("a") as users:
            users.write(f"user {user} on >{password} ~* &* +@all\n")
        self.kill("redis")
        self.bring_back("redis")
        return Redis(port=self._stack.settings.redis_port, username=user, password=password)

    def empty_redis(self) -> None:
        """Remove what a killed Redis would find again."""
        folder = self._stack.settings.layout.data / "redis"
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
