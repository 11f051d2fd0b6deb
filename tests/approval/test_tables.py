"""The tables of calls, capabilities and paths: nothing twice, nothing left out."""

from collections import Counter

import pytest

from bundler import data
from bundler.approval.call_groups import GROUP_OF, KNOWN
from bundler.approval.meanings import CAPABILITIES, machine_path
from bundler.overrides.keys.process import NAMES


def test_no_call_is_in_two_groups() -> None:
    assert [call for call, count in Counter(KNOWN).items() if count > 1] == []


def test_every_call_that_docker_ties_to_a_capability_is_in_a_group() -> None:
    rules = data.load("seccomp-docker-28.json")["syscalls"]
    tied = {name for rule in rules if "caps" in rule.get("includes", {}) for name in rule["names"]}
    assert tied
    assert tied - GROUP_OF.keys() == set()


def test_every_capability_has_a_meaning() -> None:
    assert sorted(CAPABILITIES) == sorted(NAMES)


PATHS = {
    "/": "the whole machine",
    "//": "the whole machine",
    "/srv": "",
    "/srv/etc": "",
    "/etc": "settings",
    "/etc/nginx": "settings",
    "/etc/shadow": "password hashes",
    "/etcetera": "",
    "/var/run/docker.sock": "Docker:",
    "/run/./docker.sock": "Docker:",
    "/run/../srv": "",
    "/var/run": "sockets",
    "/var/lib/docker/volumes": "images and containers of Docker",
}


@pytest.mark.parametrize(("path", "meaning"), PATHS.items(), ids=PATHS)
def test_what_a_path_of_the_machine_gives_away(path: str, meaning: str) -> None:
    assert machine_path(path).startswith(meaning)
    assert bool(machine_path(path)) == bool(meaning)
