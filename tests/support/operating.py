"""What an operator does to a service, and what happens to it, under Docker and under systemd: a year in a minute."""

import json
import os
import shlex
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tests.support.booted import Booted
from tests.support.command import bundler
from tests.support.docker import Docker
from tests.support.machine import Machine
from tests.support.moved_services import SERVICES, ask
from tests.support.runtime import call
from tests.support.service_images import RELEASE, WITH_DATA
from tests.support.waiting import wait_until

Result = TypeVar("Result")


def called(name: str) -> str:
    """The name of a service's container: its own may be that of a service that Debian's package has brought."""
    return f"moved-{name}"


class Operator(Protocol):
    """`proc` is where the processes of the services are seen, by the numbers that `init` gives."""

    @property
    def proc(self) -> Path: ...

    def init(self, name: str) -> int:
        """The first process of the container, 0 if it does not run."""

    def has_ended(self, name: str) -> bool:
        """Whether it can be started: what follows the end of its first process is done, too."""

    def kill(self, pid: int) -> None: ...
    def start(self, name: str) -> None: ...
    def restart(self, name: str) -> None: ...
    def stop(self, name: str) -> None: ...
    def exit_code(self, name: str) -> int: ...

    def upgrade(self, name: str) -> None:
        """Have it run from the newer image, with its data."""

    def roll_back(self, name: str) -> None:
        """Have it run from the first image again, with its data."""

    def places(self, name: str) -> Iterator[tuple[Path, str, int]]:
        """From where the service is asked: a network, and an address and a port in it."""


def words_of(operator: Operator, name: str) -> set[str]:
    """What the service answers to all who ask, once it answers each: one word, or there is something wrong."""
    words: set[str | None] = {None}

    def all_know() -> bool:
        words.clear()
        for network, host, port in operator.places(name):
            words.add(SERVICES[name].learned(ask(network, SERVICES[name], host, port)))
        return words != set() and None not in words

    wait_until(all_know)
    return {word for word in words if word is not None}


def tell(operator: Operator, name: str, word: str) -> None:
    """Have it keep another word, if it keeps any."""
    service = SERVICES[name]
    if service.order is not None:
        words_of(operator, name)
        network, host, port = next(iter(operator.places(name)))
        ask(network, service, host, port, service.order(word))


def for_each(act: Callable[[str], Result], names: Iterable[str]) -> dict[str, Result]:
    """All services at once: most of a life is waiting."""
    listed = list(names)
    with ThreadPoolExecutor() as pool:
        return dict(zip(listed, pool.map(act, listed), strict=True))


def life(operator: Operator, name: str) -> dict[str, Any]:
    """All that happens to a service that runs; it runs in the end."""
    seen: dict[str, Any] = {"at first": words_of(operator, name)}
    tell(operator, name, "second")
    seen["told"] = words_of(operator, name)
    operator.restart(name)
    seen["restarted"] = words_of(operator, name)
    seen |= _killed(operator, name)
    operator.stop(name)
    seen["stopped"] = operator.exit_code(name)
    operator.start(name)
    seen["started"] = words_of(operator, name)
    if name in WITH_DATA:
        operator.upgrade(name)
        seen["upgraded"] = (words_of(operator, name), _release_of(operator, name))
        tell(operator, name, "third")
        operator.roll_back(name)
        seen["rolled back"] = (words_of(operator, name), _release_of(operator, name))
    return seen | {"in the end": words_of(operator, name)}


def _release_of(operator: Operator, name: str) -> str:
    """Of the image that the container runs from."""
    return (operator.proc / str(operator.init(name)) / "root" / RELEASE).read_text()


def _killed(operator: Operator, name: str) -> dict[str, Any]:
    """A child of the first process is killed, if it has one (under --init that is the service), and then itself."""
    seen: dict[str, Any] = {}
    init = operator.init(name)
    children = _children(operator, init)
    if children:
        operator.kill(children[0])
        wait_until(lambda: children[0] not in _children(operator, init))
        seen["child killed"] = words_of(operator, name)
        seen["by another init"] = operator.init(name) != init
    init = operator.init(name)
    operator.kill(init)
    if SERVICES[name].restarts:
        wait_until(lambda: operator.init(name) not in {0, init})
    else:
        wait_until(lambda: operator.has_ended(name))
        seen["exit code when killed"] = operator.exit_code(name)
        operator.start(name)
    return seen | {"killed": words_of(operator, name)}


def _children(operator: Operator, pid: int) -> list[int]:
    path = operator.proc / str(pid) / "task" / str(pid) / "children"
    try:
        return [int(child) for child in path.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


@dataclass(frozen=True)
class UnderDocker:
    """Containers are called after their services, and mount files of `settings`. Their networks are their own, and are
    entered to ask.
    """

    docker: Docker
    settings: Path
    proc: Path = Path("/proc")

    def run(self, name: str, release: int = 1) -> None:
        service = SERVICES[name]
        flags = shlex.split(service.words.format(folder=self.settings))
        image = (f"services/{name}:{release}", *shlex.split(service.command))
        self.docker("run", "--detach", "--name", called(name), *flags, *image)

    def state(self, name: str) -> dict[str, Any]:
        """`.State` of `docker inspect`."""
        inspected: dict[str, Any] = json.loads(self.docker.ask("GET", f"/containers/{called(name)}/json"))
        return dict(inspected["State"])

    def init(self, name: str) -> int:
        return int(self.state(name)["Pid"])

    def has_ended(self, name: str) -> bool:
        return bool(self.state(name)["Status"] == "exited")

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def start(self, name: str) -> None:
        self.docker("start", called(name))

    def restart(self, name: str) -> None:
        self.docker("restart", called(name))

    def stop(self, name: str) -> None:
        self.docker("stop", called(name))

    def exit_code(self, name: str) -> int:
        return int(self.state(name)["ExitCode"])

    def upgrade(self, name: str) -> None:
        """As people do: another container with the same volume."""
        self._replace(name, release=2)

    def roll_back(self, name: str) -> None:
        self._replace(name, release=1)

    def _replace(self, name: str, release: int) -> None:
        self.stop(name)
        self.docker("rm", called(name))
        self.run(name, release)

    def places(self, name: str) -> Iterator[tuple[Path, str, int]]:
        if (init := self.init(name)) != 0:
            yield self.proc / str(init) / "ns/net", "127.0.0.1", SERVICES[name].port


@dataclass(frozen=True)
class UnderSystemd:
    """Services of a machine that is booted; `outside` is another machine, at the other end of a cable. What makes the
    newer bundle of a service, in the words of `bundler upgrade`, is `newer`.
    """

    machine: Booted
    outside: Machine
    newer: Mapping[str, Sequence[str | Path]]

    @property
    def proc(self) -> Path:
        return Path(f"/proc/{self.machine.pid}/root/proc")

    def init(self, name: str) -> int:
        """From where units keep it while the service runs: asking runc each time would take most of the time."""
        try:
            return int(Path(f"/proc/{self.machine.pid}/root/run/bundler-{called(name)}/run/pid").read_text() or "0")
        except FileNotFoundError:
            return 0

    def has_ended(self, name: str) -> bool:
        return self.machine.shown(called(name), "ActiveState")["ActiveState"] in {"inactive", "failed"}

    def kill(self, pid: int) -> None:
        self.machine.must("sh", "-c", 'kill -KILL "$0"', str(pid))

    def start(self, name: str) -> None:
        self.machine.must("systemctl", "start", called(name))

    def restart(self, name: str) -> None:
        self.machine.must("systemctl", "restart", called(name))

    def stop(self, name: str) -> None:
        self.machine.must("systemctl", "stop", called(name))

    def exit_code(self, name: str) -> int:
        shown = self.machine.shown(called(name), "ExecMainCode", "ExecMainStatus")
        status = int(shown["ExecMainStatus"])
        return status if int(shown["ExecMainCode"]) == os.CLD_EXITED else 128 + status

    def upgrade(self, name: str) -> None:
        self._replace(name, "upgrade", *self.newer[name])

    def roll_back(self, name: str) -> None:
        self._replace(name, "rollback")

    def _replace(self, name: str, command: str, *words: str | Path) -> None:
        """The machine has no bundler; the one that has it sees the machine's files."""
        bundle = self.machine.root / "srv/bundles" / called(name)
        self.stop(name)
        bundler(command, bundle, *words)
        self.machine.add_units(bundle)
        self.start(name)

    def network_of(self, name: str) -> Path:
        return self.proc / str(self.init(name)) / "ns/net"

    def address_of(self, name: str) -> str:
        """Of its container; none while it is not there."""
        found = call(["nsenter", f"--net={self.network_of(name)}", "ip", "-4", "-oneline", "address", "show", "eth0"])
        return "".join(found.stdout.split()[3:4]).partition("/")[0]

    def places(self, name: str) -> Iterator[tuple[Path, str, int]]:
        """The machine, by both addresses; another container, by the machine's and directly; another machine."""
        service = SERVICES[name]
        host = Path(f"/proc/{self.machine.pid}/ns/net")
        other = self.network_of("nginx" if name != "nginx" else "redis")
        yield host, "127.0.0.1", service.published
        yield host, "192.0.2.1", service.published
        yield other, "192.0.2.1", service.published
        yield other, self.address_of(name), service.port
        yield Path(f"/proc/{self.outside.pid}/ns/net"), "192.0.2.1", service.published
