"""The shell scripts that bundles carry: what a checker says of them."""

import os
import subprocess
from pathlib import Path

import pytest

from bundler.conversion.hook_scripts import PARTS, hook_script
from bundler.kits.kit import kit_script

DATA = Path(__file__).parents[1] / "bundler/data"
MADE_OF_PARTS = {"kit.sh": kit_script()} | {name: hook_script(name) for name in PARTS}
SCRIPTS = {path.name: path.read_bytes() for path in sorted(DATA.glob("*.sh"))} | MADE_OF_PARTS


@pytest.mark.tool("shellcheck")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_posix_and_has_nothing_to_complain_of(script: str) -> None:
    done = subprocess.run(["shellcheck", "--shell=sh", "-"], input=SCRIPTS[script], capture_output=True, check=False)
    assert done.stdout.decode() == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_never_reads_a_word_as_code(script: str) -> None:
    assert b"eval " not in SCRIPTS[script]


@pytest.mark.tool("busybox")
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "ash"]], ids=" ".join)
@pytest.mark.parametrize("script", SCRIPTS)
def test_small_shells_read_a_script(script: str, shell: list[str]) -> None:
    done = subprocess.run([*shell, "-n"], input=SCRIPTS[script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("script", "paths"),
    [
        ("kit.sh", [*DATA.glob("kit/*.sh"), DATA / "mount-rootfs.sh"]),
        ("network", [*DATA.glob("network/*.sh")]),
        ("namespaces", [*DATA.glob("namespaces/*.sh"), DATA / "network/state.sh"]),
    ],
    ids=["kit.sh", "network", "namespaces"],
)
def test_a_script_is_made_of_all_its_parts(script: str, paths: list[Path]) -> None:
    parts = [path.read_bytes() for path in paths]
    assert len(SCRIPTS[script]) == sum(map(len, parts)) + len(parts) - 1


@pytest.mark.tool("busybox")
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "ash"]], ids=" ".join)
def test_rules_of_records_become_one_table(tmp_path: Path, shell: list[str]) -> None:
    """Of a bridge the rules of one record count, and of each family its own."""
    records = {
        "first": ["4 br-a filter BUNDLER-FORWARD -i br-a", "4 br-a nat BUNDLER-POSTROUTING -s x", "6 br-a filter C 6"],
        "other": ["4 br-a filter BUNDLER-FORWARD -i old", "4 br-b filter BUNDLER-FORWARD -i br-b"],
    }
    for name, lines in records.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    if shell[0] == "busybox":
        (tmp_path / "awk").write_text('#!/bin/sh\nexec busybox awk "$@"\n')
        (tmp_path / "awk").chmod(0o755)
    call = [*shell, "-c", '. "$0"; restorable "$@"', str(DATA / "network/packet-filter.sh")]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    files = [str(tmp_path / name) for name in records]
    done = subprocess.run([*call, "4", *files], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        *("*filter", ":BUNDLER-ISOLATION - [0:0]", ":BUNDLER-FORWARD - [0:0]"),
        *("-A BUNDLER-FORWARD -i br-a", "-A BUNDLER-FORWARD -i br-b", "COMMIT"),
        *("*nat", ":BUNDLER-POSTROUTING - [0:0]", "-A BUNDLER-POSTROUTING -s x", "COMMIT"),
    ]
    empty = subprocess.run([*call, "4"], env=environment, capture_output=True, text=True, check=True)
    assert empty.stdout == ""


@pytest.mark.tool("busybox")
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "ash"]], ids=" ".join)
@pytest.mark.parametrize(
    ("file", "interface", "plugin"),
    [
        ("hooks/network-01-bridge.json", "eth0", "bridge"),
        ("hooks/network6-eth1-02-portmap.json", "eth1", "portmap"),
        ("/run/bundler/network/1-network-eth7-01-x/network-eth12-01-host-device.json", "eth12", "host-device"),
        ("/run/bundler/network/1-network-eth7-01-x/network-03-my-eth1-01-x.json", "eth0", "my-eth1-01-x"),
    ],
)
def test_the_name_of_a_configuration_says_its_interface_and_its_plugin(
    file: str, interface: str, plugin: str, shell: list[str]
) -> None:
    call = [*shell, "-c", '. "$0"; interface_of "$1"; type_of "$1"', str(DATA / "network/plugins.sh"), file]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [interface, plugin]
