"""What is called for a bundle, and what is said before anything is. The runtime is a script that knows two."""

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from bundler import tools
from bundler.errors import BundlerError, DifferenceError, RequestError, ToolError
from bundler.running.start import RunRequest, Start, prepare
from tests.support.command import bundler
from tests.support.ordinary_user import as_user, folder_of_a_user

HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"

RUNTIME = """\
#!/bin/sh
for word; do last=$word; done
case $* in
--version) echo runc version 1.1.5 ;;
*state*) case $last in running | stopped) echo "{\\"status\\": \\"$last\\"}" ;; *) exit 1 ;; esac ;;
esac
"""
CONFIG: dict[str, Any] = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"args": ["/x"], "cwd": "/"}}


@pytest.fixture
def runtime(tmp_path: Path) -> str:
    program = tmp_path / "bin/runc"
    program.parent.mkdir()
    program.write_text(RUNTIME)
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make(tmp_path / "web")


def make(bundle: Path, config: dict[str, Any] = CONFIG, **recorded: Any) -> Path:
    (bundle / "rootfs").mkdir(parents=True, exist_ok=True)
    content = json.dumps(config).encode()
    (bundle / "config.json").write_bytes(content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    (bundle / "bundler.json").write_text(json.dumps({"format": 2, "config": digest, **recorded}))
    return bundle


def start(bundle: Path, runtime: str, *, terminal_here: bool = False, **more: Any) -> Start:
    return prepare(RunRequest(bundle=bundle, runtime=runtime, **more), terminal_here=terminal_here)


@pytest.mark.root
def test_a_bundle_as_it_is_takes_nothing_but_the_runtime(bundle: Path, runtime: str) -> None:
    found = start(bundle, runtime)
    assert (found.words, found.before) == ((runtime, "run", "--bundle", str(bundle), "web"), ())
    assert found.shown() == f"{runtime} run --bundle {bundle} web"


@pytest.mark.root
def test_without_any_runtime_the_one_it_was_built_for_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tools.require.cache_clear()
    for target, missing in (({"runtime": "crun"}, "crun"), ({"runtime": ["crun"]}, "runc"), ({}, "runc")):
        with pytest.raises(ToolError, match=rf"^{missing} .* is not on PATH"):
            prepare(RunRequest(bundle=make(tmp_path / "b", target=target)), terminal_here=False)


@pytest.mark.root
def test_options_are_those_of_the_runtime(bundle: Path, runtime: str, tmp_path: Path) -> None:
    make(bundle, lifecycle={"container_name": "shop"}, target={"cgroup_manager": "systemd"})
    found = start(bundle, runtime, root=tmp_path / "r", detach=True, pid_file=tmp_path / "p")
    before, after = ["--root", str(tmp_path / "r"), "--systemd-cgroup"], ["--detach", "--pid-file", str(tmp_path / "p")]
    assert list(found.words) == [runtime, *before, "run", "--bundle", str(bundle), *after, "shop"]
    assert found.shown() == shlex.join(found.words) + " </dev/null"
    assert start(bundle, runtime, detach=True, interactive=True).input


@pytest.mark.root
def test_what_people_chose_is_no_part_of_the_script(tmp_path: Path, runtime: str) -> None:
    bundle = make(tmp_path / "a';\nreboot;'")
    found = start(bundle, runtime, name="web", arguments=["; reboot"], ephemeral=True)
    script = found.words[found.words.index("-c") + 1]
    assert "reboot" not in script
    assert str(bundle / "rootfs") in found.words
    assert found.changed is not None
    assert json.loads(found.changed)["process"]["args"] == ["; reboot"]


@pytest.mark.root
def test_an_ended_container_is_deleted_when_asked_for(bundle: Path, runtime: str) -> None:
    with pytest.raises(RequestError, match="there is a container stopped already, and it is stopped"):
        start(bundle, runtime, name="stopped")
    assert start(bundle, runtime, name="stopped", replace=True).before == (("delete", "stopped"),)


@pytest.mark.root
def test_a_running_container_is_never_deleted(bundle: Path, runtime: str) -> None:
    with pytest.raises(RequestError, match="it is running") as raised:
        start(bundle, runtime, name="running", replace=True)
    assert "delete --force running" in str(raised.value.hint)


@pytest.mark.parametrize(
    "wanted", [{"detach": True, "terminal_here": True}, {}], ids=["background", "no terminal here"]
)
def test_a_terminal_needs_another_one_here(bundle: Path, runtime: str, wanted: dict[str, bool]) -> None:
    for terminal in (True, None):
        make(bundle, CONFIG if terminal else {**CONFIG, "process": {**CONFIG["process"], "terminal": True}})
        with pytest.raises(RequestError, match="terminal") as raised:
            start(bundle, runtime, terminal=terminal, **wanted)
        assert raised.value.hint == "--no-tty runs it without"


@pytest.mark.root
def test_a_config_that_is_not_what_was_built_runs_only_as_it_is(bundle: Path, runtime: str) -> None:
    (bundle / "config.json").write_text(json.dumps(CONFIG | {"hostname": "x"}))
    with pytest.raises(DifferenceError, match=r"config\.json is not what was built"):
        start(bundle, runtime)
    assert start(bundle, runtime, as_is=True).words[-1] == "web"


@pytest.mark.root
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"root": {"path": "nowhere"}}, "has no rootfs"),
        ({"root": {"path": "config.json"}}, "has no rootfs"),
        ({"process": {"args": []}}, "is not a runtime config"),
    ],
)
def test_what_cannot_run_is_refused_before(bundle: Path, runtime: str, config: dict[str, Any], message: str) -> None:
    make(bundle, {**CONFIG, **config})
    with pytest.raises(RequestError, match=message):
        start(bundle, runtime)


@pytest.mark.root
@pytest.mark.parametrize("as_is", [False, True])
def test_a_bundle_that_shows_the_container_its_hooks_does_not_run(tmp_path: Path, runtime: str, as_is: bool) -> None:
    mount = {"destination": "/x", "source": "volumes/data", "options": ["bind"]}
    bundle = make(tmp_path / "web", CONFIG | {"mounts": [mount]})
    (bundle / "volumes").mkdir()
    (bundle / "volumes/data").symlink_to("../hooks")
    with pytest.raises(DifferenceError, match="volumes/data leads out of the bundle"):
        start(bundle, runtime, as_is=as_is)


@pytest.mark.parametrize(("name", "wanted"), [("nothing", {}), ("web", {"name": "a b"}), ("web", {"name": ""})])
def test_what_is_no_bundle_and_no_id_is_refused(bundle: Path, runtime: str, name: str, wanted: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"is not a bundle|cannot be the name of a container"):
        start(bundle.parent / name, runtime, **wanted)


@pytest.mark.root
def test_a_runtime_that_is_not_there_is_named(bundle: Path) -> None:
    with pytest.raises(ToolError, match=r"^/no/runc is no program that can be run"):
        start(bundle, "/no/runc")


@pytest.mark.root
def test_shared_memory_that_nobody_mounted_is_told(bundle: Path, runtime: str) -> None:
    shared = {"destination": "/dev/shm", "type": "bind", "source": "shm", "options": ["rbind"]}
    (make(bundle, CONFIG | {"mounts": [shared]}) / "shm").mkdir()
    assert f"shm {bundle}/shm" in start(bundle, runtime).remarks[0]


class TestAnOrdinaryUser:
    @pytest.fixture(autouse=True)
    def _nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")

    def test_needs_a_bundle_of_his_own(self, bundle: Path, runtime: str) -> None:
        with pytest.raises(BundlerError, match="takes root to run"):
            start(bundle, runtime)

    def test_needs_a_place_for_states(self, bundle: Path, runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
        make(bundle, CONFIG | {"linux": {"namespaces": [{"type": "user"}]}})
        assert start(bundle, runtime).words[-1] == "web"
        monkeypatch.delenv("XDG_RUNTIME_DIR")
        with pytest.raises(RequestError, match="XDG_RUNTIME_DIR is not set"):
            start(bundle, runtime)
        assert start(bundle, runtime, root=bundle).words[1] == "--root"

    def test_cannot_change_a_bundle_of_several_ids(self, bundle: Path, runtime: str) -> None:
        mappings = [{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 100000, "size": 9}]
        make(bundle, CONFIG | {"linux": {"namespaces": [{"type": "user"}], "uidMappings": mappings}})
        assert start(bundle, runtime).words[-1] == "web"
        with pytest.raises(RequestError, match="several ids"):
            start(bundle, runtime, ephemeral=True)


def test_a_rootfs_that_leads_to_itself_is_none(bundle: Path, runtime: str) -> None:
    (bundle / "rootfs").rename(bundle / "other")
    (bundle / "rootfs").symlink_to("rootfs")
    with pytest.raises(RequestError, match="has no rootfs"):
        start(bundle, runtime, as_is=True, ephemeral=True)


@pytest.mark.root
def test_an_ordinary_user_is_told_whose_the_bundle_is_and_how_to_make_one() -> None:
    with folder_of_a_user() as folder:
        bundler("build", HELLO, "-q", "-o", folder / "web")
        with pytest.raises(BundlerError, match="web belongs to the user 0, and this is the user 65534") as raised:
            as_user(lambda: prepare(RunRequest(bundle=folder / "web"), terminal_here=False))
    assert "--rootless" in (raised.value.hint or "")
