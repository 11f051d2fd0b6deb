"""The rules of a proposal, and the file it is written as."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bundler.conversion.process.accounts import parse_accounts
from bundler.hardening.known_programs import KNOWN
from bundler.hardening.proposal import Line, propose, write
from bundler.hardening.rootfs_facts import Evidence, Folder
from bundler.overrides.load import load_one
from bundler.runtime_spec.runtime_config import RuntimeConfig

PASSWD = b"root:x:0:0::/:\nwww-data:x:33:33::/:\nredis:x:101:101::/:\nada:x:1000:1000::/:\n"
FREE = {"sysctl": {"net.ipv4.ip_unprivileged_port_start": "0"}}


def see(*words: str, uid: int = 0, linux: Any = FREE, mounts: Any = (), **more: Any) -> Evidence:
    facts: dict[str, Any] = {
        "config": RuntimeConfig({"process": {"user": {"uid": uid}}, "linux": linux, "mounts": list(mounts)}),
        "trail": ("/usr/bin/app",),
        "words": frozenset(words),
        "accounts": parse_accounts(PASSWD, None),
        "set_id": (),
        "capable": {},
        "folders": (),
        "ports": (),
    }
    return Evidence(**facts | more)


def values(evidence: Evidence, key: str, *, active: bool = True) -> list[str | int]:
    return [line.value for line in propose(evidence) if line.key == key and line.active is active]


@pytest.mark.parametrize(
    ("evidence", "needed"),
    [
        (see(), []),
        (see("nginx"), ["CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"]),
        (see("nginx", uid=33), []),
        (see("gosu"), ["SETGID", "SETUID"]),
        (see("chown", "chmod"), ["CHOWN", "DAC_OVERRIDE", "FOWNER"]),
        (see("redis-server", folders=(Folder("/var/lib/redis", 101, 101, 0o750),)), ["DAC_OVERRIDE"]),
        (see(linux={}, ports=(80,)), ["NET_BIND_SERVICE"]),
        (see(linux={}, ports=None), ["NET_BIND_SERVICE"]),
        (see(linux={}, ports=(8080,)), []),
        (see(ports=(80,)), []),
        (see(uid=33, capable={"/usr/bin/app": ("NET_RAW",)}), ["NET_RAW"]),
    ],
    ids=[
        "nothing",
        "nginx",
        "nginx, not root",
        "a switch",
        "a script",
        "a folder of another",
        "a low port",
        "ports nobody knows",
        "a high port",
        "ports are free",
        "a file capability",
    ],
)  # fmt: skip
def test_all_capabilities_go_and_what_is_needed_comes_back(evidence: Evidence, needed: list[str]) -> None:
    assert values(evidence, "cap_drop") == ["ALL"]
    assert values(evidence, "cap_add") == needed


def test_capabilities_of_other_files_are_only_written_down() -> None:
    evidence = see(capable={"/bin/ping": ("NET_RAW",), "/bin/odd": ()})
    assert values(evidence, "cap_add") == []
    assert values(evidence, "cap_add", active=False) == ["NET_RAW"]


@pytest.mark.parametrize(
    ("evidence", "active"),
    [
        (see(set_id=("/bin/su",)), True),
        (see("su", set_id=("/bin/su",)), True),
        (see("sudo", uid=33, set_id=("/usr/bin/sudo",)), False),
        (see(uid=33, set_id=("/usr/bin/sudo",)), True),
        (see(uid=33, capable={"/usr/bin/app": ("NET_RAW",)}), False),
    ],
)
def test_no_new_privileges_unless_a_file_has_to_give_some(evidence: Evidence, *, active: bool) -> None:
    assert values(evidence, "no_new_privileges", active=active) == [True]


def test_what_is_written_to_is_mounted_and_what_lasts_is_kept() -> None:
    folders = (
        Folder("/run/redis", 101, 101, 0o2755),
        Folder("/var/cache/nginx", 0, 0, 0o755),
        Folder("/var/lib/nginx", 0, 0, 0o755),
        Folder("/var/lib/other", 9, 9, 0o755),
        Folder("/var/lib/redis", 101, 101, 0o750),
        Folder("/var/log/nginx", 0, 4, 0o755),
        Folder("/var/lib/x: {", 101, 101, 0o755),
    )
    evidence = see(
        "nginx", "redis-server", folders=folders, mounts=[{"destination": "/var/log"}, {"destination": "/tmp"}]
    )
    assert values(evidence, "read_only") == [True]
    assert values(evidence, "tmpfs") == [
        "/run",
        "/var/tmp",
        "/run/redis:mode=2755,uid=101,gid=101",
        "/var/cache/nginx:mode=755",
    ]
    assert values(evidence, "volumes") == ["var-lib-nginx:/var/lib/nginx", "var-lib-redis:/var/lib/redis"]


@pytest.mark.parametrize(
    ("evidence", "user"),
    [(see("nginx"), ["www-data"]), (see("memcached"), ["ada"]), (see("nginx", uid=5), []), (see(), ["ada"])],
)
def test_a_user_is_only_suggested(evidence: Evidence, user: list[str]) -> None:
    assert values(evidence, "user") == []
    assert values(evidence, "user", active=False) == user


def test_no_name_of_a_user_gets_into_the_text_that_is_more_than_a_name() -> None:
    accounts = parse_accounts(b"x\xff # y:x:1000:1000::/:\n", None)
    assert values(see(accounts=accounts), "user", active=False) == []


def test_the_same_evidence_gives_the_same_text() -> None:
    first, second = (
        write(propose(see(*words)), "x") for words in (["nginx", "gosu", "chown"], ["chown", "nginx", "gosu"])
    )
    assert first == second


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.names[0])
def test_every_known_program_gives_a_valid_overrides_file(row: Any) -> None:
    folders = tuple(Folder(path, 101, 101, 0o750) for path in sorted(row.writes))
    evidence = see(*row.names, folders=folders, capable={"/usr/bin/app": ("NET_RAW",)}, set_id=("/bin/su",))
    entries = load_one(write(propose(evidence), row.names[0]).encode(), "proposal.yaml")
    assert {"cap_drop", "cap_add", "read_only", "tmpfs", "no_new_privileges"} <= entries.keys()


VALUES = st.text("".join(map(chr, range(32, 127))), min_size=1)
LINES = st.builds(Line, key=st.sampled_from(["cap_add", "tmpfs"]), value=VALUES, why=st.text())


@given(st.lists(LINES, unique_by=lambda line: (line.key, line.value)), st.text())
def test_whatever_files_are_called_the_text_says_the_lines(lines: list[Line], name: str) -> None:
    lines = sorted(lines, key=lambda line: line.key)
    read = YAML(typ="safe", pure=True).load(io.StringIO(write(lines, name))) or {}
    assert read == {key: [line.value for line in lines if line.key == key] for key in {line.key for line in lines}}
