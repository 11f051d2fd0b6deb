"""`bundler diff`: what people see and what programs read."""

import json
import re
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler

ROOT = "a privilege of root"
DEFAULT = '{"ociVersion": "1.0.0", "root": {"path": "rootfs"}}'


def config(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_equal_ones_say_nothing(tmp_path: Path) -> None:
    one = config(tmp_path, "a.json", DEFAULT)
    other = config(tmp_path, "b.json", json.dumps(json.loads(DEFAULT), indent=4))
    assert bundler("diff", one, other) == ""
    assert json.loads(bundler("diff", one, one, "--json"))["differences"] == []


def test_a_difference_is_a_line_and_an_exit_code(tmp_path: Path) -> None:
    other = config(tmp_path, "b.json", DEFAULT.replace('"rootfs"', '"rootfs", "readonly": true'))
    done = call_bundler("diff", "-", other, stdin=DEFAULT.encode())
    assert done.returncode == 6
    assert done.stdout == "/root/readonly  -  true  tighter  files of the rootfs cannot be changed\n"
    assert done.stderr == ""


def test_programs_read_json_and_miss_what_is_absent(tmp_path: Path) -> None:
    other = config(tmp_path, "b.json", DEFAULT.replace('"rootfs"', '"other"'))
    done = call_bundler("diff", "-", other, "--json", stdin=DEFAULT.encode())
    assert json.loads(done.stdout)["differences"] == [
        {"place": "/root/path", "a": "rootfs", "b": "other", "mark": "neutral", "reason": ""}
    ]


def test_releases_of_docker_differ_in_two_places() -> None:
    done = call_bundler("diff", "docker", "docker@29")
    assert done.returncode == 6
    assert [line.split("  ")[0] for line in done.stdout.splitlines()] == [
        "/linux/namespaces[time]",
        "/linux/seccomp[socket arg0 = 38]",
    ]


def test_a_profile_is_like_itself_under_any_of_its_names() -> None:
    assert bundler("diff", "docker", "docker@28") == ""
    assert bundler("diff", "docker", "docker") == ""


def test_a_profile_says_nothing_of_command_and_name(tmp_path: Path) -> None:
    image = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
    written = config(tmp_path, "config.json", bundler("config", image))
    places = [line.split()[0] for line in call_bundler("diff", "docker", written).stdout.splitlines()]
    assert [place for place in places if place in ("/hostname", "/process/args", "/process/env[HOSTNAME]")] == []
    assert "/process/user/uid" in places


def test_escapes_in_values_do_not_reach_the_terminal(tmp_path: Path) -> None:
    other = config(tmp_path, "b.json", DEFAULT.replace("rootfs", "\\u001b[31m\\u0007"))
    assert "\x1b" not in call_bundler("diff", "-", other, stdin=DEFAULT.encode()).stdout


@pytest.mark.parametrize("text", ["", "[]", "{", '{"ociVersion": 1}', '{"ociVersion": "1.0.0", "mounts": {"a": 1}}'])
def test_hostile_files_give_one_clear_line(tmp_path: Path, text: str) -> None:
    done = call_bundler("diff", "docker", config(tmp_path, "b.json", text))
    assert done.returncode == 2
    assert done.stderr.startswith("bundler: error: ")
    assert done.stdout == ""


def test_a_capability_that_differs_alike_in_several_sets_has_one_line(tmp_path: Path) -> None:
    sets = {"bounding": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"]}
    process = {"cwd": "/", "args": ["a"], "capabilities": sets}
    full = config(tmp_path, "a.json", json.dumps(json.loads(DEFAULT) | {"process": process}))
    none = config(tmp_path, "b.json", json.dumps(json.loads(DEFAULT) | {"process": process | {"capabilities": {}}}))
    done = call_bundler("diff", full, none)
    assert [re.split("  +", line) for line in done.stdout.splitlines()] == [
        ["/process/capabilities[CAP_CHOWN]", "CAP_CHOWN", "-", "tighter", f"{ROOT} (bounding, effective, permitted)"],
        ["/process/capabilities/bounding[CAP_KILL]", "CAP_KILL", "-", "tighter", ROOT],
    ]
    document = json.loads(call_bundler("diff", full, none, "--json").stdout)
    places = [each["place"] for each in document["differences"] if "CHOWN" in each["place"]]
    assert places == [f"/process/capabilities/{each}[CAP_CHOWN]" for each in sets]
