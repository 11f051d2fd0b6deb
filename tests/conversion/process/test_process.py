"""The process: what runs, with which variables, as whom and with which capabilities."""

from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.errors import BundlerError, ImageError, RequestError
from bundler.overrides.keys.process import NAMES
from tests.support.inputs import converted, inputs

FULL = {
    "Entrypoint": ["/entry", "--flag"],
    "Cmd": ["serve"],
    "Env": ["PATH=/bin", "MODE=prod", "HOME=/srv", "MODE=twice"],
}
DEFAULT = (
    *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP"),
    *("NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
)


def process(*texts: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = converted(*texts, **more)["process"]
    return found


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("", ["/entry", "--flag", "serve"]),
        ("command: [other, '']", ["/entry", "--flag", "other", ""]),
        ("command: []", ["/entry", "--flag", "serve"]),
        ("command: ''", ["/entry", "--flag", "serve"]),
        ("entrypoint: []", ["serve"]),
        ("entrypoint: ''", ["serve"]),
        ("entrypoint: []\ncommand: []", ["serve"]),
        ("entrypoint: [/bin/top]\ncommand: []", ["/bin/top"]),
        ("entrypoint: /bin/top", ["/bin/top"]),
        ("entrypoint: [/bin/sleep]\ncommand: ['1']", ["/bin/sleep", "1"]),
        ("entrypoint: ''\ncommand: [sleep, '1']", ["sleep", "1"]),
        ("entrypoint: ['']\ncommand: [sleep]", ["sleep"]),
        ("command: sh -c 'a b'", ["/entry", "--flag", "sh", "-c", "a b"]),
        ("entrypoint: null", ["/entry", "--flag", "serve"]),
    ],
)
def test_entrypoint_and_command_join_as_docker_joins_them(text: str, args: list[str]) -> None:
    assert process(text, config=FULL)["args"] == args


def test_an_image_s_entrypoint_of_one_empty_word_is_none() -> None:
    assert process(config={"Entrypoint": [""], "Cmd": ["run"]})["args"] == ["run"]


@pytest.mark.parametrize("text", ["", "entrypoint: []", "command: []", "entrypoint: ''"])
def test_nothing_to_run_is_an_error(text: str) -> None:
    with pytest.raises(RequestError, match="no command"):
        converted(text, config={})


def test_an_entrypoint_of_one_empty_word_drops_the_image_s_command_too() -> None:
    with pytest.raises(RequestError, match="no command"):
        converted("entrypoint: ['']", config=FULL)


@pytest.mark.parametrize(
    ("text", "env"),
    [
        ("", ["PATH=/bin", "HOSTNAME=h", "MODE=prod", "HOME=/srv", "MODE=twice"]),
        ("environment: {NEW: '1'}", ["PATH=/bin", "HOSTNAME=h", "NEW=1", "MODE=prod", "HOME=/srv"]),
        ("environment: {MODE: dev}", ["PATH=/bin", "HOSTNAME=h", "MODE=dev", "HOME=/srv"]),
        ("environment: {MODE: null}", ["PATH=/bin", "HOSTNAME=h", "HOME=/srv"]),
        ("environment: {PATH: /sbin}", ["PATH=/sbin", "HOSTNAME=h", "MODE=prod", "HOME=/srv"]),
        ("environment: {PATH: null}", ["HOSTNAME=h", "MODE=prod", "HOME=/srv"]),
        ("environment: {HOSTNAME: own, HOME: null, MODE: ''}", ["PATH=/bin", "HOSTNAME=own", "MODE="]),
        ("tty: true\nenvironment: [MODE, HOME]", ["PATH=/bin", "HOSTNAME=h", "TERM=xterm"]),
        ("tty: true\nenvironment: [TERM=, MODE, HOME]", ["PATH=/bin", "HOSTNAME=h", "TERM="]),
        ("environment: [A=1, B=2, A=3, MODE, HOME]", ["PATH=/bin", "HOSTNAME=h", "A=3", "B=2"]),
    ],
)
def test_variables_come_in_docker_s_order(text: str, env: list[str]) -> None:
    assert process(f"hostname: h\n{text}", config=FULL)["env"] == env


def test_an_image_without_variables_has_dockers_path() -> None:
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert process("name: web1")["env"] == [path, "HOSTNAME=web1"]


def test_the_host_name_is_the_image_s_unless_one_is_given() -> None:
    short = inputs().image_config.digest.short
    assert [converted(text)["hostname"] for text in ("", "name: web1", "name: web1\nhostname: h")] == [
        short,
        "web1",
        "h",
    ]


@pytest.mark.parametrize(
    ("text", "image", "cwd"),
    [
        ("", {}, "/"),
        ("", {"WorkingDir": "/srv/app/"}, "/srv/app"),
        ("", {"WorkingDir": "rel/path"}, "/rel/path"),
        ("", {"WorkingDir": "//a/../b"}, "/b"),
        ("", {"WorkingDir": "../.."}, "/"),
        ("working_dir: /tmp//x/.", {"WorkingDir": "/srv"}, "/tmp/x"),
    ],
)
def test_the_working_directory_is_clean(text: str, image: dict[str, Any], cwd: str) -> None:
    assert process(text, config={"Cmd": ["x"]} | image)["cwd"] == cwd


@pytest.mark.parametrize(
    ("text", "image", "user"),
    [
        ("", "", (0, 0, [0, 10])),
        ("", "app", (1001, 1002, [1002, 29, 44])),
        ("", "app:audio", (1001, 29, [29])),
        ("user: '0'", "app", (0, 0, [0, 10])),
        ("user: 1001:4242", "", (1001, 4242, [4242])),
        ("user: 1234", "", (1234, 0, [0])),
        ("user: 0x3e9", "", (1001, 1002, [1002, 29, 44])),
        ("user: app\ngroup_add: [video, 29, 4000]", "", (1001, 1002, [1002, 29, 44, 44, 29, 4000])),
    ],
)
def test_groups_start_with_the_primary_one(text: str, image: str, user: tuple[int, int, list[int]]) -> None:
    found = process(text, config={"Cmd": ["x"], "User": image})["user"]
    assert (found["uid"], found["gid"], found["additionalGids"]) == user


@pytest.mark.parametrize(
    ("text", "image", "error", "message"),
    [
        ("user: ghost", "", RequestError, "0.yaml:1:7: user: the user 'ghost' is not in"),
        ("user: '4294967296'", "", RequestError, "0.yaml:1:7: user: the id 4294967296 is not"),
        ("group_add: [ghost]", "", RequestError, "0.yaml:1:13: group_add: the group 'ghost' is not in"),
        ("group_add: [4294967296]", "", RequestError, "0.yaml:1:13: group_add: the id 4294967296 is not"),
        ("", "ghost\x1b", ImageError, "the user 'ghost"),
        ("", "4294967296", ImageError, "the id 4294967296 is not"),
    ],
)
def test_whose_mistake_a_wrong_user_is_decides_the_error(
    text: str, image: str, error: type[BundlerError], message: str
) -> None:
    with pytest.raises(error) as caught:
        converted(text, config={"Cmd": ["x"], "User": image})
    assert message in caught.value.what
    assert caught.value.what.isprintable()


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", DEFAULT),
        ("cap_add: [net_admin]", (*DEFAULT, "NET_ADMIN")),
        ("cap_add: [CAP_CHOWN]", DEFAULT),
        ("cap_drop: [mknod, Cap_Chown, SYS_ADMIN]", [name for name in DEFAULT if name not in ("MKNOD", "CHOWN")]),
        ("cap_add: [NET_ADMIN]\ncap_drop: [NET_ADMIN]", (*DEFAULT, "NET_ADMIN")),
        ("cap_add: [CHOWN]\ncap_drop: [CHOWN]", DEFAULT),
        ("cap_drop: [ALL]\ncap_add: [KILL, BPF]", ("KILL", "BPF")),
        ("cap_add: [ALL]", [name.removeprefix("CAP_") for name in NAMES]),
        ("cap_add: [ALL]\ncap_drop: [all]", [name.removeprefix("CAP_") for name in NAMES]),
        (
            "cap_add: [ALL]\ncap_drop: [SYS_ADMIN]",
            [name.removeprefix("CAP_") for name in NAMES if name != "CAP_SYS_ADMIN"],
        ),
        ("privileged: true\ncap_drop: [ALL]", [name.removeprefix("CAP_") for name in NAMES]),
        ("user: 1000\ncap_drop: [ALL]\ncap_add: [NET_BIND_SERVICE]", ("NET_BIND_SERVICE",)),
    ],
)
def test_capabilities_follow_docker_s_precedence(text: str, held: list[str]) -> None:
    sets = process(text)["capabilities"]
    assert sets.keys() == {"bounding", "effective", "permitted"}
    assert all(sorted(names) == sorted(f"CAP_{name}" for name in held) for names in sets.values())


def test_without_any_capability_the_object_is_empty_and_not_absent() -> None:
    assert process("cap_drop: [ALL]")["capabilities"] == {}


@pytest.mark.parametrize("name", ["NET_ADMN", "CAP_ALL", "CAP_CAP_KILL"])
def test_an_unknown_capability_is_refused(name: str) -> None:
    for more in ("", "\nprivileged: true"):
        with pytest.raises(RequestError, match=r"0\.yaml:1:11: CAP_\w+ is not a capability of Linux"):
            converted(f"cap_add: [{name}]{more}")


def test_limits_are_sorted_and_minus_one_is_unlimited() -> None:
    limits = process("ulimits: {nproc: 5, core: -1, nofile: {soft: 1, hard: unlimited}}")["rlimits"]
    assert [(limit["type"], limit["soft"], limit["hard"]) for limit in limits] == [
        ("RLIMIT_CORE", 2**64 - 1, 2**64 - 1),
        ("RLIMIT_NOFILE", 1, 2**64 - 1),
        ("RLIMIT_NPROC", 5, 5),
    ]


def test_what_is_false_is_left_out_as_docker_leaves_it_out() -> None:
    assert not process("tty: false\nno_new_privileges: false").keys() & {"terminal", "noNewPrivileges", "rlimits"}
    assert process("tty: true")["terminal"] is True
    assert process("security_opt: [no-new-privileges]")["noNewPrivileges"] is True


OF_A_PROCESS = ["/proc/self/fd/7", "proc/self/fd/7", "/x/../proc/1/cwd/", "/proc/thread-self/root", "/dev/fd/8"]


@pytest.mark.parametrize("path", OF_A_PROCESS)
def test_a_working_directory_that_a_process_has_open_is_told(path: str) -> None:
    """CVE-2024-21626."""
    image = {"WorkingDir": path, "Cmd": ["a"]}
    for made in (inputs("", config=image), inputs(f"working_dir: /{path}\ncommand: [a]")):
        (warning,) = convert(made).warnings
        assert "is one that a process has open: with runc before 1.1.12" in warning


@pytest.mark.parametrize("path", ["/proc", "/proc/sys", "/process/self/fd/7", "/dev/fdx", "/srv/proc/self/fd/7"])
def test_other_working_directories_are_not_remarkable(path: str) -> None:
    assert convert(inputs("", config={"WorkingDir": path, "Cmd": ["a"]})).warnings == ()
