"""What every container has mounted, and how the overrides change it."""

from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.mounts.mounts import folders
from bundler.errors import RequestError
from tests.support.inputs import converted, inputs


def mounts(*texts: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {mount["destination"]: mount for mount in converted(*texts, **more)["mounts"]}


@pytest.mark.parametrize(("size", "bytes_"), [("128m", 128 << 20), ("1g", 1 << 30), ("0", 64 << 20), ("5000", 5000)])
def test_shared_memory_has_the_size_asked_for_and_0_is_dockers_default(size: str, bytes_: int) -> None:
    wanted = ["nosuid", "noexec", "nodev", "mode=1777", f"size={bytes_}"]
    assert mounts(f"shm_size: {size}")["/dev/shm"]["options"] == wanted


def test_no_ipc_means_no_shared_memory_but_a_namespace() -> None:
    config = converted("ipc: none")
    assert "/dev/shm" not in {mount["destination"] for mount in config["mounts"]}
    assert {"type": "ipc"} in config["linux"]["namespaces"]


def test_the_machines_ipc_comes_with_its_shared_memory() -> None:
    bind = {"destination": "/dev/shm", "type": "bind", "source": "/dev/shm", "options": ["rbind", "rprivate"]}
    assert mounts("ipc: host")["/dev/shm"] == bind
    assert mounts("ipc: host\ntmpfs: /dev/shm")["/dev/shm"]["type"] == "tmpfs"


def test_shareable_memory_is_a_folder_that_anybody_may_write_to() -> None:
    text = "ipc: shareable"
    assert mounts(text)["/dev/shm"]["source"] == "shm"
    (folder,) = folders(inputs(text))
    assert (folder.path, folder.mode) == ("shm", 0o1777)
    assert any("mount a tmpfs there first" in warning for warning in convert(inputs(text)).warnings)


def test_a_size_without_effect_is_said_to_have_none() -> None:
    assert any("has no effect" in warning for warning in convert(inputs("ipc: none\nshm_size: 1m")).warnings)


def test_proc_takes_its_own_options() -> None:
    options = mounts("proc_opts: [hidepid=2, gid=10, subset=pid]")["/proc"]["options"]
    assert options == ["nosuid", "noexec", "nodev", "hidepid=2", "gid=10", "subset=pid"]


@pytest.mark.parametrize("option", ["hidepid=9", "size=1m", "gid=x", "rw"])
def test_proc_takes_no_others(option: str) -> None:
    with pytest.raises(RequestError, match="is no option of /proc"):
        converted(f"proc_opts: [{option}]")


def test_paths_are_hidden_and_shown_by_name_or_pattern() -> None:
    linux = converted("system_paths: {unmask: ['/proc/s*', /proc/acpi], mask: [/x/../y/]}")["linux"]
    assert "/proc/scsi" not in linux["maskedPaths"]
    assert "/proc/acpi" not in linux["maskedPaths"]
    assert "/proc/sys" not in linux["readonlyPaths"]
    assert "/proc/bus" in linux["readonlyPaths"]
    assert linux["maskedPaths"][-1] == "/y"


def test_all_paths_can_be_shown_and_some_hidden_again() -> None:
    linux = converted("system_paths: {unmask: [ALL]}\nmasked_paths: [/proc/kcore]\nreadonly_paths: [/a]")["linux"]
    assert (linux["maskedPaths"], linux["readonlyPaths"]) == (["/proc/kcore"], ["/a"])


def test_a_path_is_hidden_once() -> None:
    assert converted("masked_paths: [/proc/acpi]")["linux"]["maskedPaths"].count("/proc/acpi") == 1
