"""What else is looked at on this machine."""

import os
import resource
from pathlib import Path

import pytest

from bundler.doctor.host_facts import look_around


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_ranges_are_the_callers_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    lines = "root:1:2\nnobody:100000:65536\n65534:300000:5\nnobody:x:1\nnobody:1\n"
    around = look_around(None, machine(tmp_path, {"etc/subuid": lines}))
    assert around.subuids == ((100000, 65536), (300000, 5))
    assert around.subgids == ()


@pytest.mark.parametrize(
    ("files", "unprivileged"),
    [
        ({}, True),
        ({"proc/sys/kernel/unprivileged_userns_clone": "0\n"}, False),
        ({"proc/sys/kernel/unprivileged_userns_clone": "1\n"}, True),
        ({"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"}, False),
    ],
)
def test_some_kernels_keep_user_namespaces_for_root(
    tmp_path: Path, files: dict[str, str], *, unprivileged: bool
) -> None:
    assert look_around(None, machine(tmp_path, files)).unprivileged is unprivileged


def test_a_control_group_is_delegated_when_it_can_be_written_to(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/user.slice/me/cgroup.controllers"
    root = machine(tmp_path, {"proc/self/cgroup": "1:cpu:/\n0::/user.slice/me\n", group: "cpu pids\n"})
    assert look_around(None, root).delegated == ("cpu", "pids")
    assert look_around(None, tmp_path / "nothing").delegated is None


def test_hard_limits_are_the_kernels_and_without_a_capability_ones_own(tmp_path: Path) -> None:
    own = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = {
        "proc/sys/fs/nr_open": f"{own + 1}\n",
        "proc/self/uid_map": "         0          0 4294967295\n",
        "proc/self/status": "CapEff:\t0000000001000000\n",
    }
    assert look_around(None, machine(tmp_path, files)).hard_limits == {"RLIMIT_NOFILE": own + 1}
    machine(tmp_path, {"proc/self/uid_map": "0 1000 1\n"})
    assert look_around(None, tmp_path).hard_limits["RLIMIT_NOFILE"] == own


def test_the_kernels_answers_are_read(tmp_path: Path) -> None:
    files = {
        "proc/filesystems": "nodev\toverlay\n\text4\n",
        "proc/sys/user/max_user_namespaces": "7\n",
        "sys/kernel/security/apparmor/profiles": "docker-default (enforce)\nmy profile (complain)\n",
        "etc/containers/policy.json": "{}",
    }
    around = look_around(tmp_path / "no/store/yet", machine(tmp_path, files))
    assert around.overlay
    assert (around.erofs, around.loops) == (False, False)
    assert around.user_namespaces == 7
    assert around.profiles == ("docker-default", "my profile")
    assert around.free is not None


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("builtin", "kernel/fs/erofs/erofs.ko"),
        ("dep", "kernel/fs/erofs/erofs.ko.xz: kernel/lib/lz4/lz4_decompress.ko.xz"),
    ],
)
def test_a_module_that_a_mount_loads_is_a_file_system_of_the_kernel(tmp_path: Path, file: str, line: str) -> None:
    modules = f"lib/modules/{os.uname().release}/modules.{file}"
    root = machine(tmp_path, {modules: f"kernel/fs/x.ko:\n{line}\nkernel/drivers/block/nloop.ko\n"})
    around = look_around(None, root)
    assert (around.erofs, around.overlay, around.loops) == (True, False, False)


def test_programs_come_with_their_versions_or_the_way_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    from bundler import tools  # noqa: PLC0415

    for remembered in (tools.require, tools.version):
        remembered.cache_clear()
    missing = look_around(None).programs[0]
    assert (missing.name, missing.path, missing.version) == ("runc", "", "")
    assert "apt install runc" in missing.hint
