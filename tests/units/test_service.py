"""The units for a config.json and a lifecycle, as text and as systemd sees them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bundler import data
from bundler.errors import RequestError
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.units.image_mount import ImageMount
from bundler.units.placing import Placing
from bundler.units.service import Units, write_units
from tests.support.systemd import commands, complaints, settings

CONFIG: Mapping[str, Any] = {
    "process": {"args": ["/bin/true"], "capabilities": {"bounding": ["CAP_SYS_TIME", "CAP_CHOWN"]}},
    "mounts": [
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm"},
        {"destination": "/srv", "type": "bind", "source": "/srv/www", "options": ["rbind"]},
        {"destination": "/odd", "type": "bind", "source": "/a\n[Service]\nUser=x", "options": ["rbind"]},
        {"destination": "/run/x", "type": "none", "source": "/run/x", "options": ["bind"]},
    ],
    "linux": {"namespaces": [{"type": "network"}]},
}
WEB = Placing(name="web", directory="/srv/bundles/web")
PLAIN = """\
[Unit]
Description=Container web
RequiresMountsFor=/srv/bundles/web /srv/www

[Service]
Type=exec
ExecStartPre=-runc delete --force web
StandardInput=data
ExecStart=/bin/sh -s %t/bundler-web/run 15 runc /srv/bundles/web web
ExecStartPost=-/bin/sh -c "trap exit HUP INT QUIT USR1 USR2 TERM; \
until [ -s \\"$$0/pid\\" ] || ! kill -0 \\"$$1\\" 2>/dev/null; do sleep 0.05; done" \
%t/bundler-web/run $MAINPID
ExecStopPost=-runc delete --force web
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=10s
Restart=no
SuccessExitStatus=143
Delegate=yes
TasksMax=infinity
OOMPolicy=continue
RuntimeDirectory=bundler-web bundler-web/run bundler-web/health
RuntimeDirectoryMode=0700
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
IgnoreSIGPIPE=no
SyslogIdentifier=web
UMask=0077
CapabilityBoundingSet=~CAP_AUDIT_CONTROL CAP_AUDIT_READ CAP_BLOCK_SUSPEND CAP_IPC_LOCK CAP_LEASE CAP_LINUX_IMMUTABLE \
CAP_MAC_OVERRIDE CAP_NET_BROADCAST CAP_SYSLOG CAP_SYS_BOOT CAP_SYS_MODULE CAP_SYS_PACCT CAP_SYS_RAWIO \
CAP_SYS_TTY_CONFIG CAP_WAKE_ALARM

[Install]
WantedBy=multi-user.target
"""


def units(lifecycle: Mapping[str, Any] | None = None, placing: Placing = WEB, **changes: Any) -> Units:
    return write_units(RuntimeConfig({**CONFIG, **changes}), dict(lifecycle or {}), placing)


def service(lifecycle: Mapping[str, Any] | None = None, placing: Placing = WEB, **changes: Any) -> dict[str, str]:
    return settings(units(lifecycle, placing, **changes).texts[f"{placing.name}.service"])


def without_script(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("StandardInputText="))


def test_a_bundle_that_asks_for_nothing_gets_this_service() -> None:
    made = units()
    assert (list(made.texts), made.remarks) == (["web.service"], ())
    assert without_script(made.texts["web.service"]) == PLAIN


def test_the_script_that_it_runs_is_the_one_that_was_checked_but_for_comments() -> None:
    lines = [line.partition("=")[2] for line in units().texts["web.service"].splitlines() if "InputText=" in line]
    typed = [re.sub(r"%%|\\\\", lambda match: match[0][0], line) for line in lines]
    written = [line.strip() for line in data.read("service.sh").decode().splitlines()]
    assert typed == [line for line in written if not line.startswith("#")]


@pytest.mark.parametrize(
    ("restart", "wanted"),
    [
        ("no", {"Restart": "no"}),
        ("always", {"Restart": "always", "StartLimitIntervalSec": "0"}),
        ("unless-stopped", {"Restart": "always", "StartLimitIntervalSec": "0"}),
        ("on-failure", {"Restart": "on-failure", "StartLimitIntervalSec": "0", "RestartForceExitStatus": "143"}),
        ("on-failure:0", {"Restart": "on-failure", "StartLimitIntervalSec": "0"}),
        ("on-failure:3", {"Restart": "on-failure", "StartLimitBurst": "4", "StartLimitIntervalSec": "44"}),
    ],
)
def test_restart_policies_are_those_of_docker(restart: str, wanted: dict[str, str]) -> None:
    found = service({"restart": restart})
    assert {key: found.get(key) for key in wanted} == wanted


@pytest.mark.parametrize("restart", ["sometimes", "always:3", "on-failure:x", "no\nUser=x", 3])
def test_other_policies_are_refused(restart: object) -> None:
    with pytest.raises(RequestError, match=r"bundler\.json: restart"):
        units({"restart": restart})


@pytest.mark.parametrize(
    ("given", "kill", "ended"),
    [
        *(("SIGTERM", "SIGTERM", "143"), ("quit", "SIGQUIT", "131"), ("10", "SIGUSR1", "138")),
        *(("SIGRTMIN+3", "SIGRTMIN+3", "165"), ("RTMAX-1", "SIGRTMIN+29", "191"), ("37", "SIGRTMIN+3", "165")),
    ],
)
def test_the_runtime_hands_the_stop_signal_on(given: str, kill: str, ended: str) -> None:
    found = service({"stop_signal": given, "stop_grace_period": "1m30s"})
    assert (found["KillSignal"], found["SuccessExitStatus"], found["TimeoutStopSec"]) == (kill, ended, "90s")
    assert "ExecStop" not in found


@pytest.mark.parametrize(("given", "number"), [("SIGWINCH", "28"), ("KILL", "9"), ("SIGURG", "23")])
def test_a_signal_that_a_runtime_keeps_to_itself_is_sent_to_the_container(given: str, number: str) -> None:
    found = service({"stop_signal": given})
    assert (found["ExecStop"], found["KillSignal"]) == (f"runc kill web {number}", "SIGCONT")


@pytest.mark.parametrize("given", ["SIGNAL", "0", "33", "99", "TERM+1", "RTMAX+1", "SIGTERM\nUser=x"])
def test_what_is_no_signal_is_told_and_is_sigterm_as_for_docker(given: str) -> None:
    made = units({"stop_signal": given})
    assert without_script(made.texts["web.service"]) == PLAIN
    assert len(made.remarks) == 1
    assert made.remarks[0].isprintable()


def test_no_grace_still_leaves_time_to_clean_up() -> None:
    assert service({"stop_grace_period": "0s"})["TimeoutStopSec"] == "2s"


def test_a_network_that_somebody_connects_is_waited_for() -> None:
    assert service(linux={"namespaces": []})["After"] == "network-online.target"
    found = service(hooks={"createRuntime": [{"path": "/usr/bin/net"}]})
    assert found["After"] == "network-online.target"
    assert "CapabilityBoundingSet" not in found  # a hook may need anything


def test_shared_memory_that_no_daemon_keeps_is_mounted() -> None:
    mounts = [{"destination": "/dev/shm", "type": "bind", "source": "shm", "options": ["rbind"]}]
    text = units(mounts=mounts).texts["web.service"]
    mount, remove = ["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec,mode=1777,size=64m", "shm"], ["umount"]
    folder = "/srv/bundles/web/shm"
    assert commands(text, "ExecStartPre")[1:] == [[*remove, folder], [*mount, folder]]
    assert commands(text, "ExecStopPost")[1:] == [[*remove, folder]]


def test_the_runtime_asks_systemd_for_a_control_group_where_the_bundle_says_so() -> None:
    placing = Placing(name="web", directory="/b", runtime="/opt/crun", systemd_cgroup=True)
    assert service(placing=placing)["ExecStart"] == "/bin/sh -s %t/bundler-web/run 15 /opt/crun /b web --systemd-cgroup"


def test_a_user_has_his_own_manager() -> None:
    found = service(placing=Placing(name="web", directory="/b", user=True), linux={})
    assert found["WantedBy"] == "default.target"
    assert not {"After", "CapabilityBoundingSet"} & set(found)


def test_a_terminal_is_one_of_the_machine_or_none() -> None:
    process = {"terminal": True}
    with pytest.raises(RequestError, match=r"config\.json has a terminal, and a service has none") as raised:
        units(process=process)
    assert raised.value.hint is not None
    found = service(placing=Placing(name="web", directory="/b", terminal="/dev/tty8"), process=process)
    assert (found["StandardInput"], found["TTYPath"]) == ("tty", "/dev/tty8")
    assert found["ExecStart"] == "runc run --pid-file %t/bundler-web/run/pid --bundle /b web"


def test_limits_are_those_of_docker_unless_the_bundle_has_its_own() -> None:
    process = {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}]}
    assert service()["LimitNOFILE"] == "1048576"
    assert {"LimitNOFILE", "LimitNPROC"} & set(service(process=process)) == {"LimitNPROC"}


IMAGE = ImageMount("ab" * 32, writable=True)


def with_image(image: ImageMount, placing: Placing = WEB, **changes: Any) -> str:
    made = write_units(RuntimeConfig({**CONFIG, **changes}), {}, placing, image)
    return made.texts[f"{placing.name}.service"]


@pytest.mark.parametrize(("writable", "upper"), [(True, "kept"), (False, "none")])
def test_an_image_is_mounted_where_only_the_service_and_its_container_see_it(writable: bool, upper: str) -> None:
    text = with_image(ImageMount("ab" * 32, writable=writable))
    before = ["unshare", "--mount", "--propagation", "unchanged", "/bin/sh", "-s", upper, "ab" * 32]
    after = ["/run/bundler-web/run", "15", "runc", "/srv/bundles/web", "web"]
    assert commands(text, "ExecStart", {"t": "/run"}) == [before + after]
    assert settings(text)["TimeoutStartSec"] == "infinity"


def test_no_line_of_its_script_is_empty_which_would_forget_those_before() -> None:
    assert "StandardInputText=\n" not in with_image(IMAGE)


def test_with_a_terminal_the_script_is_a_word_that_becomes_the_runtime() -> None:
    placing = Placing(name="web", directory=HOSTILE, terminal="/dev/tty8")
    text = with_image(IMAGE, placing, process={"terminal": True})
    words = commands(text, "ExecStart", {"t": "/run"})[0]
    script = words.index("-c") + 1
    assert words[script].endswith('shift 3\nexec "$@"\n')
    assert words[script + 1 : script + 5] == ["sh", "kept", "ab" * 32, HOSTILE]
    assert words[script + 5 :] == ["runc", "run", "--pid-file", "/run/bundler-web/run/pid", "--bundle", HOSTILE, "web"]


HOSTILE = '/srv/a b/%n/$HOME/"q"/\\/;/\nUser=nobody\n/\udcff/é'
EVERYTHING = {
    "restart": "on-failure:3",
    "stop_signal": "SIGWINCH",
    "stop_grace_period": "1500ms",
    "healthcheck": {"test": ["CMD", "/check", HOSTILE], "interval": "1500ms", "retries": 2},
}
CASES: list[tuple[str, Mapping[str, Any], Placing, Mapping[str, Any]]] = [
    ("nothing", {}, WEB, {}),
    ("everything", EVERYTHING, WEB, {"hooks": {"poststop": [{"path": "/x"}]}}),
    ("hostile", EVERYTHING, Placing(name="a.b-c_D", directory=HOSTILE), {}),
    ("terminal", {}, Placing(name="web", directory="/b", terminal="/dev/tty8"), {"process": {"terminal": True}}),
    ("systemd", {}, Placing(name="web", directory="/b", systemd_cgroup=True, user=True), {}),
]


@pytest.mark.tool("systemd-analyze", "runc")
@pytest.mark.parametrize(
    ("lifecycle", "placing", "changes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_systemd_has_nothing_to_say_about_them(
    tmp_path: Path, lifecycle: Mapping[str, Any], placing: Placing, changes: Mapping[str, Any]
) -> None:
    config = RuntimeConfig({**CONFIG, **changes})
    assert complaints(write_units(config, dict(lifecycle), placing, IMAGE).texts, tmp_path) == ""
    made = units(lifecycle, placing, **changes).texts
    assert complaints(made, tmp_path) == ""
    run = commands(made[f"{placing.name}.service"], "ExecStart", {"t": "/run"})[0]
    assert [word for word in run if word in {placing.directory, placing.name}] == [placing.directory, placing.name]


@pytest.mark.tool("systemd-analyze")
def test_the_look_at_units_sees_what_is_wrong(tmp_path: Path) -> None:
    assert "Unknown key" in complaints({"x.service": "[Service]\nWrong=1\nExecStart=/bin/true\n"}, tmp_path)
