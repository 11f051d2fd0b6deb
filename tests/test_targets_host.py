"""The machine bundler runs on, described only when somebody asks."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler import targets, tools
from bundler.errors import RequestError, ToolError
from bundler.origins import Json, Origin
from bundler.overrides import validation
from bundler.overrides.load import Overrides, load
from bundler.overrides.node import from_json
from bundler.targets import load_target
from tests.support.inputs import overrides


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What was found out of a program on one PATH does not hold for the next."""
    for remembered in (tools.require, tools.version):
        remembered.cache_clear()
    yield
    for remembered in (tools.require, tools.version):
        remembered.cache_clear()


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def machine(folder: Path, *, v2: bool = True, apparmor: str | None = None) -> Path:
    (folder / "sys/fs/cgroup").mkdir(parents=True)
    if v2:
        (folder / "sys/fs/cgroup/cgroup.controllers").write_text("cpu memory\n")
    if apparmor is not None:
        parameters = folder / "sys/module/apparmor/parameters"
        parameters.mkdir(parents=True)
        (parameters / "enabled").write_text(apparmor)
    return folder


def test_what_is_found_could_stand_under_the_key_target() -> None:
    node = from_json(targets.probe(device_paths=["/dev/null", "/dev"]), Origin("target", "host"))
    validation.check_value("target", node)


@pytest.mark.parametrize(("v2", "named"), [(True, "v2"), (False, "v1")])
def test_the_cgroup_version_is_that_of_the_mounted_one(tmp_path: Path, *, v2: bool, named: str) -> None:
    assert targets.probe(root=machine(tmp_path, v2=v2))["cgroup"] == named


@pytest.mark.parametrize(("enabled", "expected"), [("Y\n", True), ("N\n", False), (None, False)])
def test_apparmor_is_there_when_it_is_enabled(tmp_path: Path, enabled: str | None, *, expected: bool) -> None:
    assert targets.probe(root=machine(tmp_path, apparmor=enabled))["apparmor"] is expected


@pytest.mark.parametrize(
    ("release", "kernel"),
    [("6.1.0-13-amd64", "6.1"), ("5.10", "5.10"), ("6.18.44-fc-v669", "6.18"), ("odd", "0.0")],
)
def test_features_are_asked_for_by_the_first_two_numbers(
    monkeypatch: pytest.MonkeyPatch, release: str, kernel: str
) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "name", release, "#1", "x86_64")))
    assert targets.probe()["kernel"] == kernel


def test_the_first_runtime_that_is_there_is_asked_for_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "crun", "crun version 1.8.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = targets.probe()
    assert (found["runtime"], found["runtime_version"]) == ("crun", "1.8.1")


@pytest.mark.parametrize(
    ("preferred", "chosen"), [("crun", "crun"), ("runc", "runc"), ("youki", "runc"), (None, "runc"), ([], "runc")]
)
def test_the_runtime_of_a_bundle_is_taken_if_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preferred: Json, chosen: str
) -> None:
    program(tmp_path, "runc", "runc version 1.1.5")
    program(tmp_path, "crun", "crun version 1.8.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert targets.choose_runtime(preferred) == targets.RUNTIMES[chosen]
    (tmp_path / chosen).unlink()
    tools.require.cache_clear()
    other = targets.choose_runtime(preferred)
    assert other is not None
    assert other.name != chosen


def test_without_a_runtime_nothing_is_said_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "runtime" not in targets.probe()


def test_a_runtime_that_was_named_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"crun .* is not on PATH"):
        targets.probe("crun")
    assert targets.probe("youki")["runtime"] == "youki"


def test_device_nodes_are_described_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/plain").write_text("")
    os.mkfifo(tmp_path / "dev/pipe")
    (tmp_path / "dev/pipe").chmod(0o620)
    (tmp_path / "dev/link").symlink_to("pipe")
    devices = targets.probe(device_paths=["/dev", "/dev/gone"], root=tmp_path)["devices"]
    assert list(devices) == ["/dev/pipe"]
    assert devices["/dev/pipe"]["type"] == "p"
    assert devices["/dev/pipe"]["file_mode"] == 0o620


def test_dev_null_is_what_it_is_everywhere() -> None:
    node = targets.probe(device_paths=["/dev/null"])["devices"]["/dev/null"]
    assert (node["type"], node["major"], node["minor"]) == ("c", 1, 3)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def overridden(folder: Path, text: str) -> Overrides:
    (folder / "o.yaml").write_text(text)
    return load([str(folder / "o.yaml")])


def test_a_target_file_wins_over_the_key(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("kernel: '5.4'\n")
    overrides = overridden(tmp_path, "target: {kernel: '4.19', cgroup: v1}")
    target = load_target(str(tmp_path / "t.yaml"), overrides)
    assert (target.kernel, target.cgroup, str(target.origin)) == ((5, 4), "v1", "target t.yaml")


def test_an_architecture_may_have_the_kernels_name_and_has_to_be_known(tmp_path: Path) -> None:
    assert load_target(None, overridden(tmp_path, "target: {arch: aarch64}")).architecture == "arm64"
    assert load_target(None, overridden(tmp_path, "target: {arch: x86_64}")).architecture == "amd64"
    with pytest.raises(RequestError, match=r"o\.yaml:1:16: target\.arch: arm46 is not known here"):
        load_target(None, overridden(tmp_path, "target: {arch: arm46}"))


def test_control_groups_that_are_left_open_are_those_of_the_machine_described(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("cgroup: v1\n")
    overrides = overridden(tmp_path, "target: {cgroup: auto}")
    assert load_target(None, overrides).cgroup == "v2"
    assert load_target(str(tmp_path / "t.yaml"), overrides).cgroup == "v1"


def test_this_machine_wins_over_the_key(tmp_path: Path) -> None:
    target = load_target("host", overridden(tmp_path, "target: {kernel: '0.1', runtime: youki}"))
    assert target.kernel > (0, 1)
    assert target.runtime == "youki"
    assert str(target.origin) == "target host"


def test_nobody_asks_the_machine_unless_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "probe", None)
    assert str(load_target(None, Overrides()).origin) == "target default"


@pytest.mark.parametrize(
    ("text", "message"), [("kernel: [6]", "kernel"), ("- 6", "a target is a map"), ("os: x", "os")]
)
def test_a_target_file_is_held_against_the_schema(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(RequestError, match=r"t\.yaml:1:\d+: .*" + message):
        load_target(str(tmp_path / "t.yaml"), Overrides())


FEATURES = """{
	"ociVersionMin": "1.0.0", "ociVersionMax": "1.2.0", "hooks": ["poststop"], "annotations": {"a.commit": "1"},
	"linux": {"namespaces": null, "capabilities": ["CAP_KILL"],
            "seccomp": {"enabled": true, "actions": ["SCMP_ACT_LOG"]}}
}"""
READ = {
    "ociVersionMax": "1.2.0",
    "hooks": ["poststop"],
    "linux": {"capabilities": ["CAP_KILL"], "seccomp": {"actions": ["SCMP_ACT_LOG"], "enabled": True}},
}


@pytest.mark.parametrize(
    "text", ["features: f.json", f"features: {FEATURES}", FEATURES], ids=["named", "within", "alone"]
)
def test_what_a_runtime_says_of_itself_can_be_a_target(tmp_path: Path, text: str) -> None:
    (tmp_path / "f.json").write_text(FEATURES)
    (tmp_path / "t.yaml").write_text(text.replace("\t", " "))
    assert load_target(str(tmp_path / "t.yaml"), Overrides()).described()["features"] == READ


def test_the_key_target_names_the_file_relative_to_its_own(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text(FEATURES)
    overrides = overridden(tmp_path, "target: {features: f.json}")
    assert load_target(None, overrides).described()["features"] == READ
    assert {file.name for file in overrides.files} == {"f.json", "o.yaml"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", r"f\.json:1:1: target\.features: found no map"),
        ('{"ociVersionMax": 5}', r"ociVersionMax"),
        ('{"linux": {"seccomp": {"actions": "x"}}}', r"target\.features\.linux\.seccomp\.actions"),
        (None, r"o\.yaml:1:20: the file .*f\.json does not exist"),
    ],
)
def test_what_is_no_features_document_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "f.json").write_text(content)
    with pytest.raises(RequestError, match=message):
        overridden(tmp_path, "target: {features: f.json}")


def test_what_is_known_of_a_kernel_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("{controllers: [cpu], namespaces: [uts], last_capability: 40, selinux: false}")
    described = load_target(str(tmp_path / "t.yaml"), Overrides()).described()
    assert {key: described[key] for key in ("controllers", "namespaces", "last_capability", "selinux")} == {
        "controllers": ["cpu"],
        "namespaces": ["uts"],
        "last_capability": 40,
        "selinux": False,
    }
    assert not {"controllers", "features", "selinux"} & load_target(None, Overrides()).described().keys()


def test_the_kernels_own_lists_are_read(tmp_path: Path) -> None:
    root = machine(tmp_path)
    for name, content in {
        "proc/sys/kernel/cap_last_cap": "40\n",
        "proc/sys/kernel/seccomp/actions_avail": "errno allow\n",
        "proc/sys/fs/binfmt_misc/qemu-aarch64": "enabled\ninterpreter /usr/bin/qemu\n",
        "proc/sys/fs/binfmt_misc/qemu-s390x": "disabled\n",
        "proc/sys/fs/binfmt_misc/python3": "enabled\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    found = targets.probe(root=root)
    assert (found["last_capability"], found["seccomp_actions"], found["emulates"]) == (
        40,
        ["errno", "allow"],
        ["arm64"],
    )
    assert found["controllers"] == ["cpu", "memory"]
    assert "namespaces" not in found


def test_on_cgroup_v1_controllers_are_those_that_are_mounted(tmp_path: Path) -> None:
    root = machine(tmp_path, v2=False)
    (root / "proc").mkdir()
    (root / "proc/cgroups").write_text("#subsys_name\thierarchy\ncpu\t1\t1\t1\nmemory\t2\t1\t1\nrdma\t0\t1\t0\n")
    for name in ("cpu", "memory"):
        (root / "sys/fs/cgroup" / name).mkdir()
    assert targets.probe(root=root)["controllers"] == ["cpu", "memory"]


def test_a_runtime_without_features_is_none_the_worse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "crun", "crun version 1.8.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "features" not in targets.probe()


def test_what_is_mounted_is_a_file_or_a_directory_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv/f").touch()
    (tmp_path / "srv/link").symlink_to("f")
    os.mkfifo(tmp_path / "srv/fifo")
    paths = ("/srv", "/srv/f", "/srv/link", "/srv/fifo", "/srv/none", "/srv/f/x", "/srv/\0")
    kinds = {"/srv": "directory", "/srv/f": "file", "/srv/link": "file", "/srv/fifo": "file"}
    assert targets.probe(sources=paths, root=tmp_path)["sources"] == kinds
    assert "sources" not in targets.probe(sources=["/srv/none"], root=tmp_path)


def test_the_host_is_asked_for_what_volumes_and_mounts_name(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    mount = f"{{destination: /b, type: bind, source: {tmp_path}, options: [bind]}}"
    asked = overrides(f"volumes: ['{tmp_path}/f:/a', 'named:/n', './own:/o']\nmounts: [{mount}]")
    assert load_target("host", asked).sources == {f"{tmp_path}": "directory", f"{tmp_path}/f": "file"}
    stated = overrides(f"volumes: ['{tmp_path}/f:/a']\ntarget: {{sources: {{/elsewhere: file}}}}")
    assert load_target(None, stated).sources == {"/elsewhere": "file"}
