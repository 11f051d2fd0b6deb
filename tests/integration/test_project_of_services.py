"""A database, an application and a proxy as one project, with nothing but runc or crun, CNI plugins and systemd.

BUNDLER_TEST_CYCLES says how often a project is started and stopped before what is left behind is looked for.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.booted import Booted, booted, systemd_root
from tests.support.machine import CABLE, Machine, machine
from tests.support.machine_state import left_behind, state_of
from tests.support.service_images import service_archive
from tests.support.shop import HEALTHY, PORT, make
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("debootstrap", "umoci", "apt-get", "nsenter", "unshare", "ip")]
CYCLES = int(os.environ.get("BUNDLER_TEST_CYCLES", "1"))
ORDER = ("db", "app", "proxy")


@dataclass(frozen=True)
class Shops:
    """Projects on a machine with systemd, asked from another one; `images` are what they are made of."""

    up: Booted
    outside: Machine
    images: Path

    def make(self, name: str, runtime: str, *options: str, seconds: int = 2, **app: Any) -> None:
        folder = self.up.root / "srv/bundles"
        make(folder, self.images, name, *options, seconds=seconds, **app)
        self.up.add_units(folder / name, "--runtime", runtime)

    def start(self, name: str) -> None:
        self.up.must("systemctl", "start", f"{name}.target")

    def stop(self, name: str) -> None:
        self.up.must("systemctl", "stop", f"{name}.target", f"{name}-*")

    def answer(self) -> int:
        """How many have visited the shop, as soon as it is open."""
        return int(self.outside.get_once_it_serves(f"http://192.0.2.1:{PORT}/"))

    def times(self, name: str, key: str, services: tuple[str, ...] = ORDER) -> list[int]:
        return [int(self.up.shown(f"{name}-{service}", key)[key]) for service in services]

    def wait_for_another_start(self, service: str, than: int) -> None:
        key = "ExecMainStartTimestampMonotonic"
        wait_until(lambda: int(self.up.shown(service, key)[key]) not in (than, 0))

    def kill(self, name: str) -> None:
        """The container's first process, by SIGKILL."""
        self.up.must("sh", "-c", 'kill -KILL "$(cat "/run/bundler-$0/run/pid")"', name)


@pytest.fixture(scope="module")
def shops(debian: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    images = service_archive(debian, cache)
    root = systemd_root(debian, cache, tmp_path_factory.mktemp("systemd"))
    with booted(root) as up, machine() as outside:
        Machine(up.pid, mounts=False).must("sh", "-ec", CABLE.format(outside=outside.pid))
        yield Shops(up, outside, images)


@pytest.fixture(autouse=True)
def nothing_is_left_for_the_next(shops: Shops) -> Iterator[None]:
    """All take the same port."""
    yield
    shops.up.stop("shop[0-9]*", "hasty[0-9]*")


@pytest.mark.parametrize(("runtime", "rootfs"), [("runc", "erofs"), ("crun", "dir")])
def test_a_shop_is_open_again_after_each_thing_that_happens_to_it(shops: Shops, runtime: str, rootfs: str) -> None:
    name = f"shop{os.getpid()}{runtime}"
    shops.make(name, runtime, "--rootfs", rootfs, depends_on=HEALTHY, restart="always")
    before = state_of(shops.up, name)
    shops.start(name)
    started = shops.times(name, "ExecMainStartTimestampMonotonic")
    assert started == sorted(started)
    assert shops.answer() == 1
    for cycle in range(CYCLES):
        (first,) = shops.times(name, "ExecMainStartTimestampMonotonic", ("app",))
        shops.kill(f"{name}-app")
        shops.wait_for_another_start(f"{name}-app", first)
        assert shops.answer() == 2 * cycle + 2
        assert shops.times(name, "ExecMainStartTimestampMonotonic", ("db",)) >= started[:1]
        shops.stop(name)
        ended = shops.times(name, "InactiveEnterTimestampMonotonic")
        assert ended == sorted(ended, reverse=True)
        assert left_behind(shops.up, name, before) == {}
        shops.start(name)
        assert shops.answer() == 2 * cycle + 3
    shops.stop(name)
    assert left_behind(shops.up, name, before) == {}


def test_an_application_that_does_not_wait_finds_no_database(shops: Shops) -> None:
    name = f"hasty{os.getpid()}"
    shops.make(name, "runc", "--rootfs", "erofs", seconds=100_000, depends_on=["db"])
    shops.start(name)
    shops.up.wait_for_property(f"{name}-app", "SubState", "failed", "dead")
    assert any("could not translate" in line or "refused" in line for line in shops.up.journal(f"{name}-app"))
