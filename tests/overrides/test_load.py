"""Overrides files as people write them, and what they are told when they err."""

import io
import json
import os
import threading
from pathlib import Path

import pytest

from bundler.errors import RequestError
from bundler.overrides.load import load, load_one


def refused(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        load_one(text.encode(), "o.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "o.yaml:1:1: an overrides file is a map of keys, this is the text 'hello'"),
        ("- a", "o.yaml:1:1: an overrides file is a map of keys, this is a list"),
        ("!reset {}", "o.yaml:1:1: an overrides file is a map of keys, this is null"),
        ("\nenviroment: {}", "o.yaml:2:1: unknown key 'enviroment'"),
        ("user: [1]", "o.yaml:1:7: user: found a list, expected USER[:GROUP], each a name or a number"),
        ("user: 1000.0", "o.yaml:1:7: user: found 1000.0, expected USER[:GROUP]"),
        ("user: -1", "o.yaml:1:7: user: found -1, expected at least 0"),
        ("pids_limit: 200.0", "o.yaml:1:13: pids_limit: found 200.0, expected a number"),
        ("pids_limit: true", "o.yaml:1:13: pids_limit: found true, expected a number"),
        ("tty: yes", "o.yaml:1:6: tty: found the text 'yes', expected true or false"),
        ("command: [sleep, 1]", "o.yaml:1:18: command[1]: found 1, expected text"),
        ("command: a 'b", "o.yaml:1:10: command: cannot be split into words: no closing quotation"),
        ('hostname: "web\\n"', "o.yaml:1:11: hostname: found the text 'web\\n', expected a host name"),
        ("hostname: a/b", "o.yaml:1:11: hostname: found the text 'a/b', expected a host name"),
        ('working_dir: "tmp"', "o.yaml:1:14: working_dir: found the text 'tmp', expected an absolute path"),
        ("apparmor: {}", "o.yaml:1:11: apparmor: found a map, expected the name of an AppArmor profile"),
        ("network_mode: a b", "o.yaml:1:15: network_mode: "),
        ("ulimits: {nofil: 1}", "o.yaml:1:11: ulimits: 'nofil' is not one of its names"),
        ("ulimits: {nofile: 1.0}", "o.yaml:1:19: ulimits.nofile: found 1.0"),
        ("ulimits: {core: {soft: 1}}", "o.yaml:1:17: ulimits.core: hard is missing"),
        ("environment: {A=B: c}", "o.yaml:1:15: environment: 'A=B' is not one of its names"),
        ("annotations: {'': c}", "o.yaml:1:15: annotations: '' is not one of its names"),
        ("ulimits: {core: {soft: 2, hard: 1}}", "ulimits.core: the soft limit 2 is above the hard limit 1"),
        ("environment: ['=x']", "o.yaml:1:15: environment[0]: found the text '=x'"),
        ("sysctls: [net.core.somaxconn]", "o.yaml:1:11: sysctls: 'net.core.somaxconn' is not NAME=VALUE"),
        ("cap_add: [net_admn]", "o.yaml:1:11: CAP_NET_ADMN is not a capability of Linux"),
        ("capabilities: {ambient: [X]}", "o.yaml:1:26: CAP_X is not a capability of Linux"),
        ("cap_add: [1]", "o.yaml:1:11: cap_add[0]: found 1, expected a capability, such as NET_ADMIN"),
        ("mem_limit: 0.5b", "o.yaml:1:12: mem_limit: 0.5b is less than a byte"),
        ("mem_limit: 1 XB", "o.yaml:1:12: mem_limit: found the text '1 XB', expected a size"),
        ("cpus: 0.001", "o.yaml:1:7: cpus: 0.001 is less than 0.01"),
        ("seccomp: {}", "o.yaml:1:10: seccomp: "),
        (
            "seccomp: {defaultAction: ALLOW}",
            "seccomp.defaultAction: found the text 'ALLOW', expected one of SCMP_ACT_KILL",
        ),
        ("volumes: [{type: {}, target: /x}]", "o.yaml:1:18: volumes[0].type: found a map"),
        ("volumes: [{type: bind}]", "o.yaml:1:11: volumes[0]: target is missing"),
        ("volumes: [{type: bind, target: /x, readonly: true}]", "o.yaml:1:36: volumes[0]: unknown key 'readonly'"),
        ("security_opt: [seccomp]", "o.yaml:1:16: security_opt: 'seccomp' is not an option of Docker's"),
        ("security_opt: ['no-new-privileges:maybe']", "takes true or false"),
        ("security_opt: !reset null", "o.yaml:1:15: security_opt: only the keys it stands for can be unset"),
        ("group_add: [!override a]", "o.yaml:1:13: !override has no meaning here"),
        ("cap_add: [!override ALL]", "o.yaml:1:11: !override has no meaning here"),
        ("spec: {a: [{b: !reset null}]}", "o.yaml:1:16: !reset has no meaning here"),
    ],
)
def test_a_mistake_is_named_with_file_line_column_and_key(text: str, message: str) -> None:
    assert message in refused(text).what


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("enviroment: {}", "did you mean 'environment'? for example environment: {"),
        ("cap-add: []", "did you mean 'cap_add'? for example cap_add: ["),
        ("ulimits: {nofil: 1}", "did you mean 'nofile'?"),
        ("cpus: many", "for example cpus: 1.5"),
    ],
)
def test_a_mistake_comes_with_the_right_word(text: str, hint: str) -> None:
    assert (refused(text).hint or "").startswith(hint)


def test_a_message_repeats_no_endless_text() -> None:
    assert len(refused(f"user: [1]\n{'k' * 500}: 1").what) < 200
    assert len(refused(f"mem_limit: '{'9x' * 5000}'").what) < 300


@pytest.mark.parametrize("key", ["x-anything", "x-"])
def test_keys_of_ones_own_are_left_alone(key: str) -> None:
    assert load_one(f"{key}: {{any: [1, two]}}".encode(), "o.yaml") == {}


@pytest.mark.parametrize("key", ["image", "platform", "name", "user", "tty", "volumes", "spec", "seccomp", "mem_limit"])
@pytest.mark.parametrize("nothing", ["null", "!reset null", "!reset [a]"])
def test_every_key_can_be_unset(key: str, nothing: str) -> None:
    node = load_one(f"{key}: {nothing}".encode(), "o.yaml")[key]
    assert node.value is None


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("command: sleep '1 0'", {"command": ["sleep", "1 0"]}),
        ("command: ''", {"command": []}),
        ("user: 1000", {"user": "1000"}),
        ("user: 0o17", {"user": "15"}),
        ("group_add: [audio, 4000]", {"group_add": ["audio", "4000"]}),
        (
            "environment: {A: 1.10, B: True, C: null, D: ''}",
            {"environment": {"A": "1.10", "B": "True", "C": None, "D": ""}},
        ),
        ("environment: [A=1, B, C=, A=x=y]", {"environment": {"A": "x=y", "B": None, "C": ""}}),
        ("sysctls: {net.core.somaxconn: 1024}", {"sysctls": {"net.core.somaxconn": "1024"}}),
        ("cap_add: [net_admin, CAP_CHOWN, all]", {"cap_add": ["CAP_NET_ADMIN", "CAP_CHOWN", "ALL"]}),
        ("mem_limit: 512m", {"mem_limit": 512 << 20}),
        ("mem_limit: 1048576", {"mem_limit": 1 << 20}),
        ("cpus: .5", {"cpus": 50_000}),
        ("cpus: '1.5'", {"cpus": 150_000}),
        ("ulimits: {nofile: 5}", {"ulimits": {"nofile": {"soft": 5, "hard": 5}}}),
        ("ulimits: {core: unlimited}", {"ulimits": {"core": {"soft": 2**64 - 1, "hard": 2**64 - 1}}}),
        ("security_opt: [no-new-privileges]", {"no_new_privileges": True}),
        ("security_opt: ['no-new-privileges:false']", {"no_new_privileges": False}),
        ("security_opt: [seccomp=builtin, apparmor:x=y]", {"seccomp": "docker", "apparmor": "x=y"}),
        ("security_opt: [label=disable, systempaths=unconfined]", {"system_paths": "unconfined"}),
        ("security_opt: [seccomp=unconfined]\nseccomp: docker", {"seccomp": "docker"}),
    ],
)
def test_every_spelling_has_one_normal_form(text: str, normal: dict[str, object]) -> None:
    try:
        read = {key: node.plain() for key, node in load_one(text.encode(), "o.yaml").items()}
    except RequestError:
        assert "apparmor:x=y" in text  # dockerd splits it at the `=`, which makes an unknown option
    else:
        assert read == normal


def test_the_order_of_variables_is_that_of_dockers_command_line() -> None:
    assert list(load_one(b"environment: [A=1, B=2, A=3]", "o.yaml")["environment"].entries()) == ["A", "B"]


def test_a_seccomp_profile_is_read_from_beside_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "filter.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW"}, indent="\t"))
    (tmp_path / "o.yaml").write_text("seccomp: filter.json")
    overrides = load([str(tmp_path / "o.yaml")])
    assert overrides.entries["seccomp"].plain() == {"defaultAction": "SCMP_ACT_ALLOW"}
    assert [file.name for file in overrides.files] == ["o.yaml", "filter.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "o.yaml:1:10: the file "),
        ("[]", "filter.json:1:1: seccomp: found no map"),
        ('{"defaultAction": 1}', "filter.json:1:19: seccomp.defaultAction: found 1"),
        ("{", "filter.json:1:2: "),
    ],
)
def test_a_seccomp_profile_that_is_none_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "filter.json").write_text(content)
    (tmp_path / "o.yaml").write_text("seccomp: filter.json")
    with pytest.raises(RequestError, match=r"json|file") as caught:
        load([str(tmp_path / "o.yaml")])
    assert caught.value.what.startswith(message)


def test_a_seccomp_profile_called_minus_is_no_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("o.yaml").write_text("seccomp: '-'")
    with pytest.raises(RequestError, match="seccomp: there is no '-'"):
        load(["o.yaml"])


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"tty: true")))
    assert load(["-"]).is_true("tty")
    with pytest.raises(RequestError, match="standard input can be read only once"):
        load(["-", "-"])


@pytest.mark.parametrize(("name", "problem"), [("missing", "does not exist"), (".", "is a folder, not a file")])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        load([str(tmp_path / name)])


def test_a_pipe_that_is_named_is_read(tmp_path: Path) -> None:
    """As `<(command)` of a shell names one."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"tty: true",))
    writer.start()
    assert load([str(tmp_path / "pipe")]).is_true("tty")
    writer.join()


def test_a_pipe_that_an_overrides_file_names_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "o.yaml").write_text("env_file: pipe\n")
    with pytest.raises(RequestError, match=r"o\.yaml:1:\d+: the file .*pipe is a fifo, not a file"):
        load([str(tmp_path / "o.yaml")])
